# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
# Debian packages: `cpack -G DEB` in the build directory. One for the handler,
# one for the command, one for Python, one for the documents.

set(ZL_PACKAGE_MAINTAINER "zloop for SCSI <zloop-scsi@packages.invalid>" CACHE STRING
  "Who answers for the packages: NAME <ADDRESS>")
set(debian ${CMAKE_CURRENT_LIST_DIR}/debian)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME zloop-scsi)
set(CPACK_PACKAGE_CONTACT "${ZL_PACKAGE_MAINTAINER}")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL handler cli python doc)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE
  OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

# Fills what a Debian package has beside the installed files.
set(CPACK_PRE_BUILD_SCRIPTS ${debian}/finish.cmake)
set(CPACK_ZL_DEBIAN ${debian})
set(CPACK_ZL_MAINTAINER "${ZL_PACKAGE_MAINTAINER}")

# zl_package(COMPONENT NAME SECTION SUMMARY TEXT…)
macro(zl_package component name section summary)
  string(TOUPPER ${component} upper)
  string(JOIN "\n" text ${ARGN})
  set(CPACK_DEBIAN_${upper}_PACKAGE_NAME ${name})
  set(CPACK_DEBIAN_${upper}_PACKAGE_SECTION ${section})
  set(CPACK_COMPONENT_${upper}_DESCRIPTION "${summary}\n${text}")
endmacro()

zl_package(handler zloop-scsi-handler admin
  "host-managed zoned SCSI disks for tcmu-runner"
  "Emulated host-managed zoned disks (ZBC-2) as a handler for tcmu-runner,"
  "user:zloop, with each zone in one regular file. LIO exports them as local"
  "SCSI disks, over iSCSI or any other fabric."
  "."
  "With drop-ins that make systemd restore the disks in order, and a guard"
  "that keeps those in the saved configuration that could not be restored.")
zl_package(cli zloop-scsi admin
  "make, attach, export and examine host-managed zoned SCSI disks"
  "The zloop command: makes disks of the tcmu-runner handler user:zloop,"
  "attaches them and exports them over iSCSI, lists and draws their zones,"
  "checks and repairs them, and makes running ones suffer faults and power"
  "failures."
  "."
  "With a resource agent for Pacemaker and a systemd unit for disks on network"
  "file systems that two machines have by turns.")
zl_package(python python3-zloop python
  "host-managed zoned SCSI disks for tests in Python"
  "The module zloop: disks of the tcmu-runner handler user:zloop that are there"
  "for the time of a test, with faults and power failures as calls, and a"
  "fixture for pytest.")
zl_package(doc zloop-scsi-doc doc
  "documentation of the tcmu-runner handler user:zloop"
  "On-disk format, conformance, what the disk promises, the control protocol,"
  "recipes for file systems and test suites, and ready configurations.")

# The guard is a Python program; the restoring is rtslib's.
set(CPACK_DEBIAN_HANDLER_PACKAGE_DEPENDS "tcmu-runner (>= 1.5.4), python3")
set(CPACK_DEBIAN_HANDLER_PACKAGE_RECOMMENDS
  "targetcli-fb, python3-rtslib-fb, zloop-scsi")
set(CPACK_DEBIAN_HANDLER_PACKAGE_CONTROL_EXTRA
  "${debian}/postinst;${debian}/prerm;${debian}/postrm")
# libcairo2 is loaded when a PNG picture is drawn.
set(CPACK_DEBIAN_CLI_PACKAGE_RECOMMENDS "zloop-scsi-handler, libcairo2")
set(CPACK_DEBIAN_CLI_PACKAGE_SUGGESTS
  "zloop-scsi-doc, resource-agents, iputils-arping")
set(CPACK_DEBIAN_PYTHON_PACKAGE_SHLIBDEPS OFF)
set(CPACK_DEBIAN_PYTHON_PACKAGE_ARCHITECTURE all)
set(CPACK_DEBIAN_PYTHON_PACKAGE_DEPENDS "python3 (>= 3.9), zloop-scsi")
set(CPACK_DEBIAN_PYTHON_PACKAGE_SUGGESTS "python3-pytest")
set(CPACK_DEBIAN_DOC_PACKAGE_SHLIBDEPS OFF)
set(CPACK_DEBIAN_DOC_PACKAGE_ARCHITECTURE all)
set(CPACK_DEBIAN_DOC_PACKAGE_SUGGESTS "zloop-scsi, zloop-scsi-handler")

include(CPack)
