// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The policy of attaching: a link where the kernel has one, else a filter (clsact.c), and
 * always before the programs of others. guard/ calls it for each program it wants, status
 * and unload to find what is there. It never takes away a program of somebody else.
 */
#include "datapath/attach.h"

#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "branchguard.skel.h"
#include "datapath/attach_look.h"
#include "datapath/clsact.h"
#include "datapath/datapath.h"
#include "datapath/link_name.h"
#include "datapath/order.h"
#include "datapath/tcx.h"
#include "pinned/pin.h"

#define LOOPBACK_IFINDEX 1
#define STEP_BACK_TRIES 3

const char *bg_attach_by_name(enum bg_attach_by by)
{
	static const char *const names[] = { "none", "tcx", "clsact", "xdp" };

	return names[by];
}

int bg_attach_choose(enum bg_attach_choice choice, bool *tcx, struct bg_error *err)
{
	LIBBPF_OPTS(bpf_prog_query_opts, opts);
	int rc;

	/* kernels without tcx do not know this query, so nothing has to be attached to find out */
	rc = bpf_prog_query_opts(LOOPBACK_IFINDEX, BPF_TCX_INGRESS, &opts);
	/* an answer that could not be given is no "no": what is attached would be exchanged */
	if (rc && rc != -EINVAL && choice != BG_CHOOSE_CLSACT)
		return bg_fail(err, rc, "asking the kernel whether it has tcx: %s", strerror(-rc));
	if (choice == BG_CHOOSE_TCX && rc)
		return bg_fail(err, -ENOTSUP,
			       "--attach tcx: this kernel has no tcx (Linux 6.6 is the first); use "
			       "--attach auto or clsact");
	*tcx = !rc && choice != BG_CHOOSE_CLSACT;
	return 0;
}

static enum bpf_attach_type tcx_type(enum bg_program program)
{
	return bg_program_hook(program) == BG_HOOK_INGRESS ? BPF_TCX_INGRESS : BPF_TCX_EGRESS;
}

/* How many programs there are on its hook, and the id of the first. */
static int tcx_programs(const struct bg_attachment *attachment, __u32 *first)
{
	__u32 ids[BG_TCX_MOST];
	int count;

	count = bg_tcx_programs(attachment->ifindex, bg_program_hook(attachment->program), ids);
	*first = ids[0];
	return count > 0 ? count : 0;
}

static __u32 program_id(int fd)
{
	struct bpf_prog_info info = {};
	__u32 length = sizeof(info);

	return bpf_prog_get_info_by_fd(fd, &info, &length) ? 0 : info.id;
}

/* 0: the kernel could not say. */
static __u32 link_id(int fd)
{
	__u32 ifindex, prog_id, id = 0;

	bg_link_target(fd, &ifindex, &prog_id, &id);
	return id;
}

static int pin_link(const char *pin_dir, const struct bg_attachment *attachment,
		    struct bg_error *err)
{
	char name[BG_LINK_NAME_BYTES];
	int rc;

	bg_link_name(attachment, name);
	rc = bg_pin_put(pin_dir, BG_PIN_LINKS, name, attachment->link_fd);
	return rc ? bg_fail(err, rc, "pinning %s/links/%s: %s", pin_dir, name, strerror(-rc)) : 0;
}

/*
 * What is on the XDP hook of an interface. To ask the kernel for the name of another's
 * program takes CAP_SYS_ADMIN, which the daemon has not. What comes behind the ids libbpf
 * asks by another netlink protocol, which the daemon may not speak.
 */
static void describe_xdp(__u32 ifindex, char *text, size_t size)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, opts);
	__u32 id;

	opts.sz = offsetof(struct bpf_xdp_query_opts, feature_flags);
	snprintf(text, size, "an unknown program");
	if (bpf_xdp_query((int)ifindex, 0, &opts))
		return;
	id = opts.prog_id ?: opts.skb_prog_id ?: opts.drv_prog_id;
	snprintf(text, size, "program %u (`bpftool prog show id %u` names it)", id, id);
}

/* It says nothing of the driver: generic XDP would stay for good. */
static bool is_passing(int rc)
{
	return rc == -EINTR || rc == -EAGAIN || rc == -ENOMEM || rc == -ENOBUFS;
}

static int attach_xdp(int prog_fd, struct bg_attachment *attachment, bool native,
		      struct bg_error *err)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts);
	const char *name = bg_program_name(attachment->program);
	char other[96];
	int fd = -EOPNOTSUPP;

	if (native) {
		opts.flags = XDP_FLAGS_DRV_MODE;
		fd = bpf_link_create(prog_fd, (int)attachment->ifindex, BPF_XDP, &opts);
		if (is_passing(fd))
			return bg_fail(err, fd, "attaching %s to %s (XDP): natively: %s", name,
				       attachment->interface, strerror(-fd));
		if (fd < 0 && fd != -EBUSY)
			bg_log(BG_LOG_WARNING,
			       "no native XDP on this interface, generic XDP instead",
			       "interface=%s reason=%s", attachment->interface,
			       bg_quote(strerror(-fd)));
	}
	if (fd < 0 && fd != -EBUSY) {
		opts.flags = XDP_FLAGS_SKB_MODE;
		fd = bpf_link_create(prog_fd, (int)attachment->ifindex, BPF_XDP, &opts);
	}
	if (fd == -EBUSY || fd == -EEXIST) {
		describe_xdp(attachment->ifindex, other, sizeof(other));
		return bg_fail(err, -EBUSY, "attaching %s to %s: the XDP hook is taken by %s", name,
			       attachment->interface, other);
	}
	if (fd < 0)
		return bg_fail(err, fd, "attaching %s to %s (XDP): %s", name, attachment->interface,
			       strerror(-fd));
	attachment->link_fd = fd;
	attachment->by = BG_ATTACH_XDP;
	return 0;
}

static int attach_tcx(int prog_fd, struct bg_attachment *attachment, struct bg_error *err)
{
	/* before all others: at the head */
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = BPF_F_BEFORE);
	int fd;

	fd = bpf_link_create(prog_fd, (int)attachment->ifindex, tcx_type(attachment->program),
			     &opts);
	if (fd < 0)
		return bg_fail(err, fd, "attaching %s to %s (tcx): %s",
			       bg_program_name(attachment->program), attachment->interface,
			       strerror(-fd));
	attachment->link_fd = fd;
	attachment->by = BG_ATTACH_TCX;
	return 0;
}

int bg_attach(const struct bg_attach_context *context, struct bg_attachment *attachment,
	      bool *made_qdisc, struct bg_error *err)
{
	struct bg_attachment made = *attachment;
	int prog_fd = bg_program_fd(context->skel, made.program), rc;

	made.link_fd = -1;
	if (bg_program_hook(made.program) == BG_HOOK_XDP)
		rc = attach_xdp(prog_fd, &made, context->native_xdp, err);
	else if (context->tcx)
		rc = attach_tcx(prog_fd, &made, err);
	else
		rc = bg_clsact_attach(context, &made, made_qdisc, err);
	if (rc)
		return rc;
	if (made.link_fd >= 0) {
		made.prog_id = program_id(prog_fd);
		made.link_id = link_id(made.link_fd);
		rc = pin_link(context->pin_dir, &made, err);
		if (rc) {
			close(made.link_fd); /* which detaches */
			return rc;
		}
	}
	*attachment = made;
	return 0;
}

int bg_attach_replace(const struct bg_attach_context *context, struct bg_attachment *attachment,
		      struct bg_error *err)
{
	int prog_fd = bg_program_fd(context->skel, attachment->program), rc;

	if (attachment->by == BG_ATTACH_CLSACT)
		return bg_clsact_replace(context, attachment, err);
	rc = bpf_link_update(attachment->link_fd, prog_fd, NULL);
	if (rc == -ENOLINK)
		return rc;
	if (rc)
		return bg_fail(err, rc, "replacing %s on %s: %s",
			       bg_program_name(attachment->program), attachment->interface,
			       strerror(-rc));
	attachment->prog_id = program_id(prog_fd);
	return 0;
}

/*
 * The program comes back into its place. Should the kernel refuse, the stand-in goes on calling
 * it; it is outdated then: the next sync replaces it, and nobody else may be stood in for until
 * that is done. Not `stood_in`: the kernel said that there is none, which may be a lost answer.
 */
static void step_back(const struct bg_attach_context *context, struct bg_attachment *attachment,
		      bool stood_in, struct bg_error *err)
{
	int prog_fd = bg_program_fd(context->skel, attachment->program), rc = 0;
	size_t length = strlen(err->text);

	for (int tries = 0; tries < STEP_BACK_TRIES; tries++) {
		rc = bpf_link_update(attachment->link_fd, prog_fd, NULL);
		if (!rc || rc == -ENOLINK)
			return;
	}
	attachment->outdated = true;
	if (!stood_in)
		return;
	attachment->prog_id = program_id(bpf_program__fd(context->skel->progs.tc_stand_in));
	snprintf(err->text + length, sizeof(err->text) - length,
		 "; its stand-in cannot be replaced either, and goes on calling it: %s",
		 strerror(-rc));
}

/* It is before all others, and pinned; `first` is the new attachment. */
static int attach_in_front(const struct bg_attach_context *context, struct bg_attachment *first,
			   struct bg_error *err)
{
	int prog_fd = bg_program_fd(context->skel, first->program), rc;

	first->link_fd = -1; /* the old one is not closed when there is no new one */
	first->prog_id = program_id(prog_fd);
	first->outdated = false;
	rc = attach_tcx(prog_fd, first, err);
	if (rc)
		return rc;
	first->link_id = link_id(first->link_fd);
	rc = pin_link(context->pin_dir, first, err);
	if (!rc)
		return 0;
	/* at once: no program can be on a hook twice */
	bpf_link_detach(first->link_fd);
	bg_attach_release(first);
	return rc;
}

/*
 * First a stand-in, which calls the program, takes its place in the link; then the
 * program is attached at the head by a new link; then the old link goes. Every packet
 * meets the program at any time, also when the daemon dies in between.
 */
static int tcx_to_front(const struct bg_attach_context *context, struct bg_attachment *attachment,
			struct bg_error *err)
{
	int prog_fd = bg_program_fd(context->skel, attachment->program), rc, stood_rc;
	int stand_in = bpf_program__fd(context->skel->progs.tc_stand_in);
	const struct bpf_map *stands_in_for = context->skel->maps.stands_in_for;
	struct bg_attachment first = *attachment;
	__u32 slot = 0;

	rc = bg_map_set(stands_in_for, &slot, &prog_fd, err);
	if (rc)
		return rc;
	stood_rc = bpf_link_update(attachment->link_fd, stand_in, NULL);
	rc = stood_rc ? bg_fail(err, stood_rc, "standing in for %s on %s: %s",
				bg_program_name(attachment->program), attachment->interface,
				strerror(-stood_rc))
		      : attach_in_front(context, &first, err);
	if (rc) {
		step_back(context, attachment, !stood_rc, err);
		return rc;
	}
	/* what holds a program holds its maps, and the policy in them */
	if (!bpf_link_detach(attachment->link_fd))
		bpf_map_delete_elem(bpf_map__fd(stands_in_for), &slot);
	bg_attach_release(attachment);
	*attachment = first;
	return 0;
}

int bg_attach_to_front(const struct bg_attach_context *context, struct bg_attachment *attachment,
		       struct bg_error *err)
{
	__u32 first;

	if (attachment->by == BG_ATTACH_TCX)
		return tcx_to_front(context, attachment, err);
	if (tcx_programs(attachment, &first))
		return bg_fail(err, -EEXIST,
			       "%s is a filter, and tcx programs come before every filter: "
			       "run with --attach tcx",
			       bg_program_name(attachment->program));
	return bg_clsact_to_front(context, attachment, err);
}

bool bg_interface_is_here(__u32 ifindex)
{
	char name[IF_NAMESIZE];

	return if_indextoname(ifindex, name) || errno != ENXIO;
}

bool bg_interface_is_called(__u32 ifindex, const char *name)
{
	char found[IF_NAMESIZE];

	return !if_indextoname(ifindex, found) || !strcmp(found, name);
}

/* Is this link pinned there? What cannot be looked at is not known not to be. */
static bool is_pinned(const char *pin_dir, const char *name, const struct bg_attachment *attachment)
{
	bg_auto_close int fd = bg_pin_get(pin_dir, BG_PIN_LINKS, name);
	__u32 id;

	if (fd < 0)
		return fd != -ENOENT;
	id = link_id(fd);
	return !id || !attachment->link_id || id == attachment->link_id;
}

int bg_attach_pin_again(const char *pin_dir, const struct bg_attachment *attachment,
			struct bg_error *err)
{
	char name[BG_LINK_NAME_BYTES];
	int rc;

	if (attachment->link_fd < 0)
		return 0;
	bg_link_name(attachment, name);
	if (is_pinned(pin_dir, name, attachment))
		return 0;
	rc = pin_link(pin_dir, attachment, err);
	return rc ? rc : 1;
}

/* Either is enough, if nobody else keeps the link open or pinned: together they are safe. */
static int detach_link(const char *pin_dir, const struct bg_attachment *attachment)
{
	char name[BG_LINK_NAME_BYTES];
	int rc = bpf_link_detach(attachment->link_fd), unpin_rc;

	unpin_rc = bg_pin_remove(pin_dir, BG_PIN_LINKS, bg_link_name(attachment, name));
	/* ENOLINK: its interface is gone */
	return rc == -ENOLINK || !unpin_rc || unpin_rc == -ENOENT ? 0 : rc;
}

int bg_detach(const char *pin_dir, struct bg_attachment *attachment, struct bg_error *err)
{
	const char *what = attachment->program < BG_PROGRAMS ? bg_program_name(attachment->program)
			   : *attachment->stray		     ? attachment->stray
							     : "a filter";
	int rc = 0;

	if (attachment->by == BG_ATTACH_CLSACT)
		rc = bg_clsact_detach(attachment);
	else if (attachment->link_fd >= 0)
		rc = detach_link(pin_dir, attachment);
	if (rc)
		return bg_fail(err, rc, "taking %s away from %s (%s): %s", what,
			       attachment->interface, bg_attach_by_name(attachment->by),
			       strerror(-rc));
	bg_attach_release(attachment);
	return 0;
}

void bg_attach_forget(const char *pin_dir, struct bg_attachment *attachment)
{
	char name[BG_LINK_NAME_BYTES];

	if (attachment->link_fd >= 0)
		bg_pin_remove(pin_dir, BG_PIN_LINKS, bg_link_name(attachment, name));
	bg_attach_release(attachment);
}

void bg_attach_release(struct bg_attachment *attachment)
{
	if (attachment->link_fd >= 0)
		close(attachment->link_fd);
	attachment->link_fd = -1;
	attachment->by = BG_ATTACH_NONE;
}

struct adoption {
	const char *pin_dir;
	void (*each)(struct bg_attachment *attachment, void *context);
	void *context;
	struct bg_error *err;
};

static int adopt_one(const char *name, void *context)
{
	struct adoption *adoption = context;
	struct bg_attachment attachment = { .link_fd = -1 };
	bg_auto_close int fd = -1;
	__u32 ifindex = 0;
	int rc;

	fd = bg_pin_get(adoption->pin_dir, BG_PIN_LINKS, name);
	if (fd == -ENOENT) /* somebody removed it since it was listed, and with it the link */
		return 0;
	if (fd < 0)
		return bg_fail(adoption->err, fd, "opening %s/links/%s: %s", adoption->pin_dir,
			       name, strerror(-fd));
	rc = bg_link_target(fd, &ifindex, &attachment.prog_id, &attachment.link_id);
	switch (bg_link_fate(name, rc, ifindex, &attachment)) {
	case BG_LINK_UNKNOWN:
		return bg_fail(adoption->err, rc, "asking the kernel about %s/links/%s: %s",
			       adoption->pin_dir, name, strerror(-rc));
	case BG_LINK_DEAD:
		bg_pin_remove(adoption->pin_dir, BG_PIN_LINKS, name);
		bg_log(BG_LOG_INFO, "unpinned a link that is attached nowhere any more", "link=%s",
		       bg_quote(name));
		return 0;
	case BG_LINK_STRANGE:
		bg_log(BG_LOG_WARNING,
		       "left alone a link that is not as this program pins them: `branchguard "
		       "unload` takes it away",
		       "link=%s ifindex=%u", bg_quote(name), ifindex);
		return 0;
	case BG_LINK_ADOPTED:
		break;
	}
	attachment.link_fd = bg_take_fd(&fd);
	adoption->each(&attachment, adoption->context);
	return 0;
}

int bg_attach_adopt(const char *pin_dir,
		    void (*each)(struct bg_attachment *attachment, void *context), void *context,
		    struct bg_error *err)
{
	struct adoption adoption = { pin_dir, each, context, err };

	return bg_pin_each(pin_dir, BG_PIN_LINKS, adopt_one, &adoption);
}

int bg_attach_find_filter(enum bg_program program, __u32 ifindex, struct bg_attachment *attachment)
{
	struct bg_attachment found = {
		.program = program, .ifindex = ifindex, .by = BG_ATTACH_CLSACT, .link_fd = -1
	};
	int rc = bg_clsact_find(&found);

	if (rc)
		return rc;
	*attachment = found;
	return 0;
}

bool bg_attach_is_behind(const struct bg_attachment ours[BG_PROGRAMS], enum bg_program program,
			 __u32 first_filter)
{
	struct bg_hooked hooked = { .first_filter = first_filter };

	if (ours[program].by != BG_ATTACH_TCX && ours[program].by != BG_ATTACH_CLSACT)
		return false;
	hooked.tcx_programs = tcx_programs(&ours[program], &hooked.first_tcx);
	return bg_order_is_behind(ours, program, &hooked);
}

bool bg_attach_is_shared(const struct bg_attachment ours[BG_PROGRAMS], enum bg_program program,
			 int filters_on_interface)
{
	struct bg_hooked hooked = { .filters_on_interface = filters_on_interface };

	hooked.tcx_programs = tcx_programs(&ours[program], &hooked.first_tcx);
	return bg_order_is_shared(ours, program, &hooked);
}
