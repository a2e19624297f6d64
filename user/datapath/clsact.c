// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Filters by libbpf's bpf_tc_*. attach.c calls it where there is no tcx, unload to remove
 * the qdiscs that were made for them. It never replaces or deletes a filter whose handle
 * is not ours.
 */
#include "datapath/clsact.h"

#include <errno.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "base/libbpf_log.h"

/*
 * The first priority, so that no filter that says "pass" runs before ours. The others
 * only where a filter of another kind than BPF has the first one.
 */
static const __u32 priorities[] = { 1, 2, 3, 4 };

#define DETACH_TRIES 3

#define PRIORITIES (sizeof(priorities) / sizeof(priorities[0]))

/* Padding included, since libbpf refuses options whose padding is not zero. */
static void set_hook(struct bpf_tc_hook *hook, __u32 ifindex, enum bg_hook where)
{
	memset(hook, 0, sizeof(*hook));
	hook->sz = sizeof(*hook);
	hook->ifindex = (int)ifindex;
	hook->attach_point = where == BG_HOOK_INGRESS ? BPF_TC_INGRESS : BPF_TC_EGRESS;
}

static void set_hook_of(struct bpf_tc_hook *hook, const struct bg_attachment *attachment)
{
	set_hook(hook, attachment->ifindex,
		 attachment->program == BG_PROGRAMS ? attachment->stray_hook
						    : bg_program_hook(attachment->program));
}

static __u32 other_handle(const struct bg_attachment *attachment)
{
	if (attachment->handle == BG_FILTER_HANDLE + attachment->program)
		return BG_FILTER_OTHER_HANDLE + attachment->program;
	return BG_FILTER_HANDLE + attachment->program;
}

static int fail(int rc, const struct bg_attachment *attachment, struct bg_error *err)
{
	const char *reason = bg_libbpf_last_warning();

	return bg_fail(err, rc, "attaching %s to %s (clsact): %s%s%s",
		       bg_program_name(attachment->program), attachment->interface, strerror(-rc),
		       *reason ? ": " : "", reason);
}

/* With `replace`, the program of a filter with this handle is exchanged in place. */
static int set_filter(const struct bg_attach_context *context, struct bg_attachment *attachment,
		      __u32 priority, __u32 handle, bool replace)
{
	struct bpf_tc_hook hook;
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = bg_program_fd(context->skel, attachment->program),
		    .handle = handle, .priority = priority,
		    .flags = replace ? BPF_TC_F_REPLACE : 0);
	int rc;

	set_hook_of(&hook, attachment);
	rc = bpf_tc_attach(&hook, &opts);
	if (rc)
		return rc;
	attachment->priority = priority;
	attachment->handle = handle;
	attachment->prog_id = opts.prog_id;
	return 0;
}

/*
 * "There is one already", and below "there is none", are ordinary answers, of which
 * libbpf makes a warning.
 */
static int make_qdisc(struct bpf_tc_hook *hook)
{
	bg_auto_libbpf libbpf_print_fn_t before = bg_libbpf_hush();

	return bpf_tc_hook_create(hook);
}

/* EINVAL: there is no qdisc; ENODEV: no interface. */
static bool is_not_there(int rc)
{
	return rc == -ENOENT || rc == -EINVAL || rc == -ENODEV;
}

/* 0, -ENOENT: the kernel says that it is not there, or why it could not say. */
static int query(struct bg_attachment *attachment, __u32 priority, __u32 handle)
{
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = handle, .priority = priority);
	bg_auto_libbpf libbpf_print_fn_t before = bg_libbpf_hush();
	struct bpf_tc_hook hook;
	int rc;

	set_hook_of(&hook, attachment);
	rc = bpf_tc_query(&hook, &opts);
	if (rc)
		return is_not_there(rc) ? -ENOENT : rc;
	attachment->priority = priority;
	attachment->handle = handle;
	attachment->prog_id = opts.prog_id;
	return 0;
}

/* 0: it is not there. */
static int remove_filter(const struct bg_attachment *attachment, __u32 priority, __u32 handle)
{
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = handle, .priority = priority);
	bg_auto_libbpf libbpf_print_fn_t before = bg_libbpf_hush();
	struct bpf_tc_hook hook;
	int rc;

	set_hook_of(&hook, attachment);
	rc = bpf_tc_detach(&hook, &opts);
	return is_not_there(rc) ? 0 : rc;
}

/* The daemon before may have ended between the two steps of going to the front: then the
 * program is asked twice, and only one of the two would get the next build's. */
static int replace_found(const struct bg_attach_context *context, struct bg_attachment *attachment)
{
	struct bg_attachment twin = *attachment;
	int rc = set_filter(context, attachment, attachment->priority, attachment->handle, true);

	for (size_t i = 0; i < PRIORITIES && !rc; i++)
		if (!query(&twin, priorities[i], other_handle(attachment)))
			remove_filter(&twin, twin.priority, twin.handle);
	return rc;
}

int bg_clsact_attach(const struct bg_attach_context *context, struct bg_attachment *attachment,
		     bool *made_qdisc, struct bg_error *err)
{
	struct bpf_tc_hook hook;
	int rc;

	set_hook_of(&hook, attachment);
	hook.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS; /* NOLINT: a set of flags */
	rc = make_qdisc(&hook);
	if (!rc)
		*made_qdisc = true;
	else if (rc != -EEXIST)
		return fail(rc, attachment, err);
	attachment->by = BG_ATTACH_CLSACT;
	rc = bg_clsact_find(attachment);
	if (!rc)
		rc = replace_found(context, attachment);
	if (rc != -ENOENT)
		return rc ? fail(rc, attachment, err) : 0;
	for (size_t i = 0; i < PRIORITIES; i++) {
		rc = set_filter(context, attachment, priorities[i],
				BG_FILTER_HANDLE + attachment->program, false);
		if (rc != -EINVAL && rc != -EEXIST)
			break;
	}
	return rc ? fail(rc, attachment, err) : 0;
}

int bg_clsact_replace(const struct bg_attach_context *context, struct bg_attachment *attachment,
		      struct bg_error *err)
{
	int rc = bg_clsact_find(attachment);

	if (rc == -ENOENT)
		return -ENOLINK;
	if (!rc)
		rc = replace_found(context, attachment);
	return rc ? fail(rc, attachment, err) : 0;
}

int bg_clsact_find(struct bg_attachment *attachment)
{
	const __u32 handles[] = { BG_FILTER_HANDLE + attachment->program,
				  BG_FILTER_OTHER_HANDLE + attachment->program };
	int rc;

	/* most of the time it is where it was */
	if (attachment->handle && !query(attachment, attachment->priority, attachment->handle))
		return 0;
	for (size_t i = 0; i < PRIORITIES; i++) {
		for (size_t k = 0; k < 2; k++) {
			rc = query(attachment, priorities[i], handles[k]);
			if (rc != -ENOENT)
				return rc;
		}
	}
	return -ENOENT;
}

static int look_for_stray(__u32 ifindex, enum bg_hook hook, __u32 handle,
			  void (*each)(struct bg_attachment *stray, void *context), void *context)
{
	int failed = 0;

	for (size_t i = 0; i < PRIORITIES; i++) {
		struct bg_attachment stray = { .program = BG_PROGRAMS,
					       .stray_hook = hook,
					       .ifindex = ifindex,
					       .by = BG_ATTACH_CLSACT,
					       .link_fd = -1 };
		int rc = query(&stray, priorities[i], handle);

		if (!rc)
			each(&stray, context);
		else if (rc != -ENOENT)
			failed = rc;
	}
	return failed;
}

int bg_clsact_strays(__u32 ifindex, void (*each)(struct bg_attachment *stray, void *context),
		     void *context)
{
	int failed = 0;

	_Static_assert(BG_PROGRAMS <= BG_FILTER_NUMBERS, "each program has its handles");
	for (__u32 number = BG_PROGRAMS; number < BG_FILTER_NUMBERS; number++) {
		const __u32 handles[] = { BG_FILTER_HANDLE + number,
					  BG_FILTER_OTHER_HANDLE + number };

		for (enum bg_hook hook = BG_HOOK_INGRESS; hook <= BG_HOOK_EGRESS; hook++) {
			for (size_t i = 0; i < 2; i++) {
				int rc = look_for_stray(ifindex, hook, handles[i], each, context);

				if (rc)
					failed = rc;
			}
		}
	}
	return failed;
}

int bg_clsact_to_front(const struct bg_attach_context *context, struct bg_attachment *attachment,
		       struct bg_error *err)
{
	struct bg_attachment behind = *attachment;
	const __u32 handle = other_handle(attachment);
	int rc;

	/* the kernel puts a new filter before the others of its priority; its answer may be
	 * lost, now or when it was tried before */
	rc = set_filter(context, attachment, priorities[0], handle, false);
	if (rc && !query(attachment, priorities[0], handle))
		rc = set_filter(context, attachment, priorities[0], handle, true);
	if (rc)
		return fail(rc == -EINVAL ? -EEXIST : rc, attachment, err);
	/* of two that stand, only one would be replaced by the next build */
	for (int tries = 0; tries < DETACH_TRIES; tries++) {
		remove_filter(&behind, behind.priority, behind.handle);
		if (query(&behind, behind.priority, behind.handle) == -ENOENT)
			break;
	}
	return 0;
}

int bg_clsact_detach(const struct bg_attachment *attachment)
{
	int rc = remove_filter(attachment, attachment->priority, attachment->handle);

	for (size_t i = 0; i < PRIORITIES && !rc && attachment->program != BG_PROGRAMS; i++)
		rc = remove_filter(attachment, priorities[i], other_handle(attachment));
	return rc;
}

int bg_clsact_remove_qdisc(__u32 ifindex)
{
	bg_auto_libbpf libbpf_print_fn_t before = bg_libbpf_hush();
	struct bpf_tc_hook hook;
	int rc;

	set_hook(&hook, ifindex, BG_HOOK_INGRESS);
	/* libbpf takes both together for "remove the qdisc" */
	hook.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS; /* NOLINT: a set of flags */
	rc = bpf_tc_hook_destroy(&hook);
	return is_not_there(rc) ? 0 : rc;
}
