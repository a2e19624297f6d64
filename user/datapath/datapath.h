/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The loaded BPF object: open, size, load, publish revisions. Used in two ways:
 * pinned (the daemon) and private (explain, packet tests, bench: own maps, nothing
 * pinned, gone when closed); test_run.h asks a private one.
 */
#ifndef BG_DATAPATH_DATAPATH_H
#define BG_DATAPATH_DATAPATH_H

#include <stdbool.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "compile/compile.h"
#include "compile/registry.h"
#include "feed/model.h"

struct bg_ids;	  /* base/ids.h */
struct bg_layout; /* layouts.h */
struct bg_moved_flows;
struct branchguard_bpf; /* the skeleton, build/branchguard.skel.h */

/* One block is 1 KiB. An image map is allocated whole, and during a publish there are
 * two of them: small at first, since the daemon makes room for a feed that needs more. */
#define BG_DEFAULT_IMAGE_BLOCKS 2048u
#define BG_MAX_IMAGE_BLOCKS (1u << 20)
#define BG_IMAGE_MAP_FLAGS (BPF_F_MMAPABLE | BPF_F_RDONLY_PROG)
#define BG_DEFAULT_FLOWS 65536u
#define BG_MAX_FLOWS (1u << 24)
#define BG_DEFAULT_RULES 65536u
#define BG_MAX_RULES (1u << 22)
#define BG_DEFAULT_BRANCHES 256u
#define BG_MAX_BRANCHES (BG_VLANS + 1u) /* slot 0 counts packets of no branch */

struct bg_datapath_options {
	const char *pin_dir; /* NULL: private; else maps pinned there are taken over */
	__u32 image_blocks;  /* capacity of an image in KiB, 0 = default */
	__u32 max_flows;     /* rounded up to a power of two, 0 = default */
	__u32 max_rules;     /* 0 = default */
	__u32 max_branches;  /* 0 = default */
	bool trace;	     /* write the map `trace` (never when pinned) */
	bool no_short_way;
	const char *probe_cgroup; /* only its processes may probe on the short way, NULL = any */
	__u64 hash_seed;	  /* private: where flows live in the table is the same every time;
			  * 0 = random */
	int policy_fd; /* private: judge by this policy map, which is somebody else's and is
			* only read; 0 = one of its own */
	/* Each program costs time in the verifier. Names, then NULL: */
	const char *const *only;    /* of those to load (private); NULL = all */
	const char *const *without; /* of those to leave out; NULL = none */
	/* with pin_dir: a policy map of its own, of image_blocks, instead of the
	 * pinned one (a feed outgrew that) */
	bool new_policy;
};

struct bg_datapath {
	struct branchguard_bpf *skel;
	struct bg_registry *registry;
	struct bg_datapath_options options; /* with what was really chosen */
	__u32 revision;			    /* in force, 0 = none */
	bool unannounced;		    /* `control` has not been told of it yet */
	__u64 published_ns;		    /* what it will be told */
	char feed_revision[64];
	bool adopted;	       /* maps of an earlier daemon were taken over */
	struct bg_rule *rules; /* copy of `rules`, hits are 0: max_rules entries */
	bool has_leftovers;    /* of leftovers.h: not yet taken away */
	bool leftover_branch[BG_VLANS];
	int image_fd;			      /* with pin_dir: the image in force, -1 = none */
	bool policy_pinned;		      /* what is put in force there needs its pin at once */
	__u32 image_btf_key, image_btf_value; /* BTF type ids of an image map */
	char dropped[128];		      /* pinned maps that did not fit: new ones were made */
	/* of migrate.c; what is pinned has another ABI until bg_datapath_pin(): */
	__u32 from_abi, from_flow_layout; /* its `control`; 0 = the ABI is ours */
	const struct bg_layout *from;	  /* NULL: the ABI is ours */
	bool without_policy; /* of what is pinned, the policy is not taken over: nothing passes
			      * until a revision is published */
	int old_flows_fd;    /* a table whose flows are brought in, -1 = none */
	const struct bg_moved_flows *old_flows;
	unsigned long flows_lost; /* of it, that found no place */
	/* of test_run.c: */
	struct bg_iface stand_in;
	__u32 *bucket_keys; /* of all buckets of the flow table */
	void *empty_buckets;
};

/*
 * -EPERM, -ENOSYS ... with a text that says what is missing. With pin_dir the
 * caller holds the lock of that directory (pin.h). Nothing is pinned or changed there:
 * that is for the caller to do, by bg_datapath_pin().
 */
int bg_datapath_open(const struct bg_datapath_options *options, struct bg_datapath **datapath,
		     struct bg_error *err);
void bg_datapath_close(struct bg_datapath *datapath); /* NULL is fine */
BG_CLEANUP_OF(bg_datapath_close, struct bg_datapath)

/* Both return how many pins they made: what is pinned already is left alone.
 * Pins all maps, each replacing its predecessor in one rename; in the place of those of
 * another ABI all at once, after which those are in maps_aside (pin.h). */
int bg_datapath_pin(struct bg_datapath *datapath, struct bg_error *err);

/* Pins the programs; once they are attached. */
int bg_datapath_pin_programs(struct bg_datapath *datapath, struct bg_error *err);

/* The ids of the programs that are pinned; before the above, those of the daemon before.
 * All of them, or why one could not be looked at. */
int bg_pinned_programs(const char *pin_dir, struct bg_ids *ids);

/*
 * Once no program of an earlier daemon is attached any more: brings in what its flow
 * table got since, if that is another one, and removes maps_aside and the pins that only
 * another build has.
 */
int bg_datapath_finish(struct bg_datapath *datapath, struct bg_error *err);

struct bg_publish_times {
	double compile_ms, publish_ms;
	double fill_ms; /* a part of publish_ms */
	size_t image_bytes;
	__u32 rules_added, rules_removed;
	__u32 branches_added, branches_removed;
};

/*
 * Numbers the model and compiles it as the next revision, once: the image says how
 * much room it needs, which may be more than this datapath has. -E2BIG: more than
 * `max_blocks`. The numbers are provisional until the image is published, or
 * bg_datapath_discard() takes them back; on failure they are taken back already.
 */
int bg_datapath_compile(struct bg_datapath *datapath, struct bg_model *model, size_t max_blocks,
			struct bg_image **image, struct bg_publish_times *times,
			struct bg_error *err);
void bg_datapath_discard(struct bg_datapath *datapath);

bool bg_datapath_has_room(const struct bg_datapath *datapath, const struct bg_image *image);

/*
 * For a datapath that was opened in place of another, with more room: takes over the
 * numbers of what was compiled for the other one and is not published yet, and goes on
 * with its revision if that is the later one. Both must hold the same rules and branches.
 */
void bg_datapath_take_numbers(struct bg_datapath *datapath, struct bg_datapath *from);

/* A new image map with what was compiled, frozen; the caller closes it. Nothing uses it yet. */
int bg_datapath_fill(const struct bg_datapath *datapath, const struct bg_image *image,
		     int *image_fd, struct bg_error *err);

/*
 * Puts a filled map in force, all steps of publish.h at once. Order: new entries of `rules`
 * and `branches`, ONE update of the outer map (the moment the revision is in force), then
 * entries that only the old revision used are removed: a rule's goes to `former_rules`, for
 * the flows that still name it. On failure everything is as it was, the numbers too.
 * *image_fd stays the caller's if it is still open then.
 */
int bg_datapath_put_in_force(struct bg_datapath *datapath, const struct bg_model *model,
			     int *image_fd, struct bg_publish_times *times, struct bg_error *err);

/* Both at once. */
int bg_datapath_publish(struct bg_datapath *datapath, const struct bg_model *model,
			const struct bg_image *image, struct bg_publish_times *times,
			struct bg_error *err);

/* Is this image the one in force, but for the number of its revision? */
bool bg_datapath_is_in_force(const struct bg_datapath *datapath, const struct bg_image *image);

/* Tells everybody by `control` which revision is in force; settle: again, if the kernel
 * would not write it. */
void bg_datapath_announce(struct bg_datapath *datapath, const char *feed_revision);
void bg_datapath_settle(struct bg_datapath *datapath);

/* 1: somebody took the image out of the map `policy`, or put another one there, and it is put
 * back; 0: there was no need. */
int bg_datapath_policy_again(const struct bg_datapath *datapath, struct bg_error *err);

/* Compiles and publishes at once, as tests and the bench do it; -E2BIG: the image does
 * not fit. */
int bg_datapath_set_model(struct bg_datapath *datapath, struct bg_model *model,
			  struct bg_publish_times *times, struct bg_error *err);

/* Writes map[key] = value; the text of a failure names the map. */
struct bpf_map;
int bg_map_set(const struct bpf_map *map, const void *key, const void *value, struct bg_error *err);

#endif
