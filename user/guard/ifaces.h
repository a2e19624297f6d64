/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The interfaces under guard: which programs are on which interface, kept in
 * line with what the plan (plan.h) wants.
 *
 * Once guarded, a branch and a pod's veth stay so until the interface is gone,
 * even if they are no more in the feed: then everything on them is dropped, never
 * let through.
 */
#ifndef BG_GUARD_IFACES_H
#define BG_GUARD_IFACES_H

#include "datapath/datapath.h"
#include "guard/plan.h"

struct bg_ifaces_options {
	const char *pin_dir;
	enum bg_xdp_choice xdp;
	bool tcx; /* else clsact */
};

struct bg_ifaces;

struct bg_ifaces *bg_ifaces_new(const struct bg_ifaces_options *options,
				struct bg_netdevs *netdevs);
/* Closes what belongs to this process; everything stays in force. */
void bg_ifaces_free(struct bg_ifaces *ifaces);

/* Finds what an earlier daemon guarded; call once, before the first sync. The old
 * programs stay until bg_ifaces_switch(). */
int bg_ifaces_adopt(struct bg_ifaces *ifaces, const struct bg_datapath *datapath,
		    struct bg_error *err);

/* Replaces all programs that are attached by those of this datapath, each in place. */
void bg_ifaces_switch(struct bg_ifaces *ifaces, const struct bg_datapath *datapath);

/*
 * Arms and disarms what has to be, puts back what somebody took away, and brings the
 * maps of interfaces and pods in line. Logs what it did; what failed is logged once
 * and tried again with the next call. Returns the number of interfaces that are not
 * guarded as they should be, or a negative errno.
 */
int bg_ifaces_sync(struct bg_ifaces *ifaces, const struct bg_datapath *datapath,
		   const struct bg_model *model, struct bg_error *err);

/*
 * To attach a program takes the kernel up to a tenth of a second, and there may be hundreds
 * to attach: when something can be read from `fd`, bg_ifaces_sync() ends between two
 * interfaces. Then bg_ifaces_interrupted() says so, and the next call goes on.
 */
void bg_ifaces_interrupt_by(struct bg_ifaces *ifaces, int fd);
bool bg_ifaces_interrupted(const struct bg_ifaces *ifaces);

/* Is a program gone that was attached? Then it is time for a sync. */
bool bg_ifaces_lost(struct bg_ifaces *ifaces);

/* Is a program of an earlier datapath still attached, because it could not be replaced? */
bool bg_ifaces_outdated(const struct bg_ifaces *ifaces);

/*
 * Takes away what another build attached that this one has no program for, from each
 * interface where everything of this build's is in place. How many are left.
 */
size_t bg_ifaces_drop_strays(struct bg_ifaces *ifaces);

/* How many programs that somebody took away were put back so far. */
__u64 bg_ifaces_put_back(const struct bg_ifaces *ifaces);

/* Pins again the links whose pins somebody removed; how many, or a negative errno. */
int bg_ifaces_pin_again(const struct bg_ifaces *ifaces, struct bg_error *err);

/* Calls `each` for everything that is wrong with an interface at present; `open`: something
 * passes there that is not judged as it should be. */
void bg_ifaces_troubles(const struct bg_ifaces *ifaces,
			void (*each)(const char *interface, const char *text, bool open,
				     void *context),
			void *context);

#endif
