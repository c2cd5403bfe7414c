/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* What the files of lib/control share. */
#ifndef ZL_CONTROL_INTERNAL_H
#define ZL_CONTROL_INTERNAL_H

#include "control/control.h"

/* The directory of the sockets. */
const char *control_dir(void);

#endif
