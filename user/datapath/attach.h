/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One program on one hook of one interface: put there, looked after, replaced
 * in place, taken away.
 *
 * By a pinned BPF link wherever the kernel has one for the hook (XDP; tcx from
 * Linux 6.6 on), at the head of the chain, so that no other program can let a
 * packet past ours. Else as a filter of the clsact qdisc, with a handle of our
 * own; such a filter needs no pin to stay.
 */
#ifndef BG_DATAPATH_ATTACH_H
#define BG_DATAPATH_ATTACH_H

#include <stdbool.h>

#include "base/error.h"
#include "datapath/programs.h"
#include "types.h"

enum bg_attach_by { BG_ATTACH_NONE, BG_ATTACH_TCX, BG_ATTACH_CLSACT, BG_ATTACH_XDP };

/* What the user asked for with --attach. */
enum bg_attach_choice { BG_CHOOSE_AUTO, BG_CHOOSE_TCX, BG_CHOOSE_CLSACT };

struct bg_attachment {
	enum bg_program program;
	__u32 ifindex;
	char interface[16]; /* its name when it was attached: part of the pin's name */
	enum bg_attach_by by;
	int link_fd;	/* -1: a filter */
	__u32 priority; /* of a filter */
	__u32 handle;	/* of a filter */
	__u32 prog_id;	/* of the attached program */
	__u32 link_id;	/* of the link */
	bool outdated;	/* that of an earlier datapath, which could not be replaced yet */
	/* A stray: what another build attached that this one has no program for. Its
	 * `program` is BG_PROGRAMS; it can be detached and released, nothing else. */
	char stray[32];		 /* what that build calls it, "" where only its handle is known */
	enum bg_hook stray_hook; /* of a filter */
};

struct bg_attach_context {
	const char *pin_dir;
	const struct branchguard_bpf *skel;
	bool tcx;	 /* else clsact */
	bool native_xdp; /* XDP in the driver, if the driver has it */
};

const char *bg_attach_by_name(enum bg_attach_by by);

/* By what TC programs are attached on this kernel. -ENOTSUP: tcx was asked for and is
 * not there. */
int bg_attach_choose(enum bg_attach_choice choice, bool *tcx, struct bg_error *err);

/*
 * Attaches and pins. The caller sets program, ifindex and interface; the rest is
 * filled in on success. A filter of ours that is there already is replaced in
 * place. -EBUSY: an XDP program of somebody else is on the interface; the text
 * names it. *made_qdisc is set to true when a clsact qdisc was made for it, even if
 * attaching fails after that.
 */
int bg_attach(const struct bg_attach_context *context, struct bg_attachment *attachment,
	      bool *made_qdisc, struct bg_error *err);

/* Puts the context's program in the place of the one that is attached: every
 * packet meets one of the two. -ENOLINK: it is not attached any more. */
int bg_attach_replace(const struct bg_attach_context *context, struct bg_attachment *attachment,
		      struct bg_error *err);

/* Moves it before all others of its hook; no packet misses it meanwhile. -EEXIST: that is
 * not possible, the text says why. On failure it may be `outdated`: a stand-in calls it in its
 * place, of which there is one for all: no other tcx program may be moved until it is replaced. */
int bg_attach_to_front(const struct bg_attach_context *context, struct bg_attachment *attachment,
		       struct bg_error *err);

/* Does the kernel know the interface, in this network namespace? Only its "no" is a
 * no: that a table lacks an interface is no proof that it is gone. */
bool bg_interface_is_here(__u32 ifindex);

/* false: it has another name now. One that is not here is called as it was. */
bool bg_interface_is_called(__u32 ifindex, const char *name);

/* Pins its link again if somebody removed the pin, or put another link there. 1: it did, 0: there
 * was no need. */
int bg_attach_pin_again(const char *pin_dir, const struct bg_attachment *attachment,
			struct bg_error *err);

/* Takes the program away (if it is still there), unpins and closes. On failure it may still
 * be there, and the attachment stays as it is. */
int bg_detach(const char *pin_dir, struct bg_attachment *attachment, struct bg_error *err);

/* The kernel says that it is not there: unpins and closes. A filter that was there all the
 * same (an answer that broke off) stays, and attaching finds it. */
void bg_attach_forget(const char *pin_dir, struct bg_attachment *attachment);

/* Closes what belongs to this process; the program stays in force. */
void bg_attach_release(struct bg_attachment *attachment);

/*
 * Calls `each` for every pinned link that is alive, strays among them, which then owns
 * the attachment; removes pins of links that are attached nowhere any more.
 */
int bg_attach_adopt(const char *pin_dir,
		    void (*each)(struct bg_attachment *attachment, void *context), void *context,
		    struct bg_error *err);

/* The filter that a program of ours would have here. -ENOENT: none. */
int bg_attach_find_filter(enum bg_program program, __u32 ifindex, struct bg_attachment *attachment);

/*
 * Both take `ours`, the BG_PROGRAMS attachments of one interface: two programs of
 * ours may share a hook (a trunk that is the primary interface as well).
 *
 * Does a program of somebody else stand at the head of this one's hook?
 * `first_filter` is the handle of the filter that is asked first there, 0 = none.
 */
bool bg_attach_is_behind(const struct bg_attachment ours[BG_PROGRAMS], enum bg_program program,
			 __u32 first_filter);

/* Do programs other than ours run on its hook (TC only), or filters on the interface? */
bool bg_attach_is_shared(const struct bg_attachment ours[BG_PROGRAMS], enum bg_program program,
			 int filters_on_interface);

#endif
