/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A process for a file, or some with one beginning of their names, that may keep a reader or
 * writer waiting: on NFS, FUSE, a slow disk. It has no capabilities and holds no lock; what does not answer in time is killed, and
 * if it cannot even be killed it is left, and no other one is started for that file
 * until it is gone. A thread beside the daemon's loop asks, and waits for the answer.
 */
#ifndef BG_APART_FILES_H
#define BG_APART_FILES_H

#include "apart/child.h"
#include "socket/listen.h"
#include "source/file.h"
#include "source/file_watch.h"

#define BG_FILES "branchguard-files"

/* No answer for so long, and nothing read meanwhile: the file system does not answer. */
#define BG_FILES_WAIT_MS 5000

struct bg_files {
	const char *path;   /* "-" is stdin */
	const char *suffix; /* NULL: none; which of several files beside each other is meant */
	int watch_fd;	    /* where events of the path's directory come, -1 = nowhere */
	int limit_ms;	    /* BG_FILES_WAIT_MS, or -1: as long as it takes */
	struct bg_child child;
	int socket_fd; /* to the child, if there is one */
	bool is_stuck; /* it was killed, and is still there */
};

struct bg_files_look {
	enum bg_file_kind kind;
	size_t most_bytes;
	bool watches;		    /* its directory, too */
	bool anyway;		    /* read it even if it is the same */
	struct bg_file_stamp stamp; /* as it was when it was read last; then as it is */
	bool is_same;		    /* it was not read */
	int watch_rc;		    /* why its directory is not watched */
	struct bg_error watch_err;
};

/*
 * Looks at the file, and reads it into `text_fd` if it is another one. -EAGAIN: no
 * answer, or none can be asked at present; the rest is what reading failed with.
 */
int bg_files_read(struct bg_files *files, struct bg_files_look *look, int text_fd,
		  struct bg_error *err);

/* Puts what is in text_fd (from its beginning) in the file's place. */
int bg_files_write(struct bg_files *files, int text_fd, const struct bg_file_put *put,
		   struct bg_error *err);

/* Is it there, and (unless it is NULL) which one? -ENOENT: it is not. */
int bg_files_find(struct bg_files *files, struct bg_listening *found, struct bg_error *err);

/* Puts a socket in the file's place, for this group, or takes it away again (listen.h). */
int bg_files_listen(struct bg_files *files, int socket_fd, gid_t group,
		    struct bg_listening *listening, struct bg_error *err);
int bg_files_deafen(struct bg_files *files, const struct bg_listening *listening,
		    struct bg_error *err);

/* Opens an empty file, makes it and its directory if they are not there: the descriptor, or a
 * negative errno. */
int bg_files_open(struct bg_files *files, struct bg_error *err);

/* The process ends, sooner or later; nothing waits for that. */
void bg_files_end(struct bg_files *files);

/* The process; main() calls it by its name. */
int bg_files_main(int argc, char **argv);

/* --- what the two ends say to each other ------------------------------------- */

enum bg_files_do {
	BG_FILES_READ,
	BG_FILES_WRITE,
	BG_FILES_FIND,
	BG_FILES_LISTEN,
	BG_FILES_DEAFEN,
	BG_FILES_OPEN, /* the answer brings it */
};

#define BG_FILES_SUFFIX 16

struct bg_files_question {
	enum bg_files_do what;
	char suffix[BG_FILES_SUFFIX];
	struct bg_file_put put;
	struct bg_files_look look;
	struct bg_listening listening;
};

struct bg_files_answer {
	int rc;
	struct bg_error err;
	struct bg_files_look look;
	struct bg_listening listening;
};

#endif
