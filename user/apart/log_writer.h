/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A process that writes the daemon's log where stderr is a regular file: such a write waits for the
 * disk, whatever poll() says. The daemon writes into a pipe then, as it does where stderr is one:
 * what it has no room for is lost, and counted.
 */
#ifndef BG_APART_LOG_WRITER_H
#define BG_APART_LOG_WRITER_H

#define BG_LOG_WRITER "branchguard-log"

/* Before there is another thread. Where no process is needed, or none can be had (which is
 * logged), stderr stays what it is. */
void bg_log_writer_begin(void);
/* From time to time: if it has ended, another one is started, which goes on with what is in the
 * pipe. */
void bg_log_writer_look(void);

/* The process; main() calls it by its name. */
int bg_log_writer_main(int argc, char **argv);

/* --- what it is given, from BG_CHILD_FD on ------------------------------------- */

enum bg_log_writer_fd {
	BG_LOG_LINES,	/* the pipe */
	BG_LOG_ANSWERS, /* log.h */
	/* Two ends of a socket, in which the file lies: taken from one, laid back by the other.
	 * Nobody but a writer has it open: where its file system does not answer, even closing it
	 * may take for ever, and so may ending with it open. */
	BG_LOG_TAKE,
	BG_LOG_LAY_BACK,
	BG_LOG_FDS,
};

#endif
