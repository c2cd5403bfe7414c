/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * The file system that a directory is on, and what follows from it for a disk
 * in there: the only place that knows one file system from another
 * (docs/beyond-one-machine.md).  What is said of Linux' clients is from their
 * sources: fs/nfs, fs/ceph, fs/smb/client, fs/fuse.
 */
#ifndef ZL_STORE_FS_H
#define ZL_STORE_FS_H

#include <stdbool.h>
#include <stdio.h>

#include "store/store.h"

enum fs_kind {
	FS_LOCAL, /* or one that nothing is known of */
	FS_NFS,
	FS_SMB,
	FS_CEPH,      /* the kernel's client */
	FS_CEPH_FUSE, /* the same by a program */
	FS_PROGRAM,   /* another program's: FUSE, 9p, virtiofs */
};

struct fs {
	enum fs_kind kind;
	int mount_id;	   /* 0: not known */
	char type[32];	   /* as mountinfo has it, e.g. nfs4 */
	char version[8];   /* of NFS: 3, 4.0, 4.1, 4.2; else "" */
	char options[512]; /* of the mount, then of the file system */
};

/*
 * Where the file or directory behind @fd is.  What it was mounted with is from
 * /proc/self/mountinfo; where that does not have it (a chroot), only the kind
 * is known, and the rest "".  Asks the kernel alone, no server.
 */
void fs_of(int fd, struct fs *fs);

/* That of a file store's directory, as it was when it was opened. */
const struct fs *store_file_fs(const struct store *st);

/*
 * The same of an absolute path by its mount point, without a look at what is
 * mounted there, which may be a server that does not answer.  Links are not
 * followed.  False: mountinfo cannot be read.
 */
bool fs_of_path(const char *path, struct fs *fs);

/* The same two with another mountinfo (tests); false: it is not there. */
bool fs_read_id(FILE *mountinfo, int mount_id, struct fs *fs);
bool fs_read_path(FILE *mountinfo, const char *path, struct fs *fs);

/* @option of "option" or "option=value": its value, "" if it has none, in
 * @value; false: it was not mounted with that. */
bool fs_option(const struct fs *fs, const char *option, char *value,
	       size_t size);

/* Whether files are on another machine, which may not answer. */
bool fs_is_remote(const struct fs *fs);

/* Whether other machines see the locks that are taken here. */
enum fs_locks {
	FS_LOCKS_HERE,	  /* nobody else can have the files */
	FS_LOCKS_SEEN,	  /* the server keeps them */
	FS_LOCKS_UNSEEN,  /* others have the files, but not the locks */
	FS_LOCKS_UNKNOWN, /* nobody can tell */
};

enum fs_locks fs_locks(const struct fs *fs);

/* What a machine that lost its locks is kept from.  NFS 4: I/O through a
 * descriptor whose lock is lost fails with EIO (recover_lost_locks=0), through
 * others it goes on.  CephFS: a client that was evicted is on the blocklist of
 * the OSDs. */
enum store_fence fs_fence(const struct fs *fs);

/* Whether what is known here of a file's size may be older than what another
 * machine has made of it since: an NFS or SMB client asks its server again
 * after some time (acregmin to acregmax; nfs(5)), unless it is made to.
 * Opening the file makes it ask, stat() does not.  Ceph's clients are told. */
bool fs_sizes_get_old(const struct fs *fs);

/* Whether a lease (F_SETLEASE) that is not given means that somebody else on
 * this machine has the file open.  With NFS and SMB it is the server's
 * delegation, with the kernel's CephFS there are none. */
bool fs_leases_tell(const struct fs *fs);

/* Whether syncfs() says what it could not make durable.  A program's file
 * system is not asked (fuse_sync_fs()), nor is an SMB server, and overlayfs
 * says nothing of the one below it: fdatasync() of each file does. */
bool fs_syncs_all(const struct fs *fs);

/* Whether a file is one that is deleted, but open: its client keeps it under
 * such a name until it is closed (NFS, libfuse). */
bool fs_is_deleted_name(const char *name);

/* Calls @fn with a sentence for each thing about the mount that a disk's user
 * has to know: the option, what it means, what would be right. */
void fs_each_doubt(const struct fs *fs,
		   void (*fn)(void *user, const char *sentence), void *user);

#endif
