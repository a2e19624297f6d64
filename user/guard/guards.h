/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The table of guarded interfaces, which the files that arm and adopt share. */
#ifndef BG_GUARD_GUARDS_H
#define BG_GUARD_GUARDS_H

#include "base/log.h"
#include "datapath/attach_look.h"
#include "guard/ifaces.h"

struct bg_guard {
	__u32 ifindex;
	__u32 life; /* of the interface (struct bg_netdev), 0 = it was not seen yet */
	char name[16];
	enum bg_role role;
	__u32 vlan;
	__u32 flags;	  /* enum bg_iface_flag */
	bool in_map;	  /* the entry in `ifaces` is up to date */
	bool adopted;	  /* from an earlier daemon, and not yet reported */
	bool complete;	  /* everything that guards it is there */
	bool has_branch;  /* the feed has it */
	bool is_misnamed; /* it was a branch's that the feed has, and was renamed */
	bool left_out;	  /* a branch names it, but it is the node's own */
	bool leaving;	  /* it is to be disarmed, but what is attached or in the maps stays */
	bool no_remnants; /* none is left that an earlier daemon attached and nobody knew */
	bool elsewhere;	  /* it is in another network namespace now: nothing can be armed there */
	__u32 tag;	  /* on the wire, 0 = not a VLAN interface */
	__u64 armed_ns;
	__u64 checked_ns;	      /* when all its programs were last seen there, 0 = not yet */
	unsigned int wanted;	      /* set of BG_PROGRAM_BIT() */
	unsigned int native_failures; /* of XDP in the driver */
	struct bg_attachment attachment[BG_PROGRAMS]; /* by enum bg_program */
	unsigned int lost; /* of these: gone, the kernel says, and not yet put back */
	bool open;	   /* by which something passes that is not judged as it should be */
	char trouble[256]; /* what is wrong, as the log has it; "" = nothing */
};

#define BG_GUARD_PLACES (1 << 15)

struct bg_ifaces {
	struct bg_ifaces_options options;
	struct bg_netdevs *netdevs;
	struct bg_guard *guards;
	size_t count, misnamed_count;
	/* where the guard of an ifindex was last found; it may be elsewhere by now */
	__u32 places[BG_GUARD_PLACES];
	struct bg_attachment *strays; /* of another build, until ours are in place */
	size_t stray_count;
	__u32 primary;		     /* of the default route */
	const char *primary_trouble; /* that was logged, NULL = there is one as it should be */
	__u64 put_back_count;	     /* programs that somebody took away */
	int interrupt_fd;	     /* -1 = none */
	bool interrupted;	     /* the last sync was, and left interfaces for the next one */
};

struct bg_guard *bg_guard_find(struct bg_ifaces *ifaces, __u32 ifindex);

/* The guard of an interface, a new one if there is none; NULL when out of memory. */
struct bg_guard *bg_guard_get(struct bg_ifaces *ifaces, __u32 ifindex, const char *name);

/* Is one of its TC programs so? */
bool bg_guard_has(const struct bg_guard *guard, enum bg_attach_state state);

/*
 * Has another interface its ifindex by now? One that is moved in from another network
 * namespace brings its own, if that is free here. One that went and came back with our
 * programs, and with its name, is the same one.
 */
bool bg_guard_is_another(const struct bg_guard *guard, const struct bg_netdev *netdev);

/* Notes what another build attached that this one has no program for, and takes over
 * filters of its own on interfaces that it has no role for (strays.c). */
int bg_strays_adopt(struct bg_ifaces *ifaces, struct bg_error *err);
int bg_stray_add(struct bg_ifaces *ifaces, const struct bg_attachment *stray);

/* Logs what is wrong with an interface, but not twice in a row the same. */
void bg_guard_trouble(struct bg_guard *guard, enum bg_log_level level, const char *message,
		      const char *reason);

/* Logs a line about an interface and what is attached to it. */
void bg_guard_report(const struct bg_guard *guard, const char *message);

/* Do all programs stand that give a verdict? XDP gives the same one as TC. */
bool bg_guard_is_judged(const struct bg_guard *guard);

const char *bg_role_name(enum bg_role role);

struct bg_attach_context bg_ifaces_context(const struct bg_ifaces *ifaces,
					   const struct bg_datapath *datapath);

/* Puts on an interface what is missing of guard->wanted, and takes away the rest. */
void bg_guard_arm(struct bg_ifaces *ifaces, struct bg_guard *guard,
		  const struct bg_datapath *datapath);

/* Those whose interfaces are gone, and those that could not be disarmed before. */
void bg_guards_drop_gone(struct bg_ifaces *ifaces, const struct bg_datapath *datapath);

/* Those that the plan has no more, as far as they may go. After the others are armed: whose
 * role another one has was needed until then. */
void bg_guards_drop_unplanned(struct bg_ifaces *ifaces, const struct bg_datapath *datapath,
			      const struct bg_plan *plan, const struct bg_model *model);

#endif
