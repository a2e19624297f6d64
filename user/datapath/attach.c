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
#include <stdlib.h>
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
#include "datapath/tcx.h"
#include "pinned/pin.h"

#define LOOPBACK_IFINDEX 1

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

/* bpffs reserves dots, which become '_'; the ifindex keeps pins of names that differ only
 * in that apart. */
static void pin_name(const struct bg_attachment *attachment, char *name, size_t size)
{
	const bool is_stray = attachment->program == BG_PROGRAMS;
	char interface[sizeof(attachment->interface)];

	snprintf(interface, sizeof(interface), "%s", attachment->interface);
	for (char *c = interface; *c; c++)
		if (*c == '.')
			*c = '_';
	snprintf(name, size, "%s-%u-%s", interface, attachment->ifindex,
		 is_stray ? attachment->stray : bg_program_name(attachment->program));
}

/* "NAME-IFINDEX-PROGRAM"; names of interfaces may have dashes of their own. The program
 * may be one that only another build has. */
static int parse_pin_name(const char *name, struct bg_attachment *attachment)
{
	const char *last = strrchr(name, '-'), *middle;

	if (!last || last == name)
		return -EINVAL;
	for (middle = last - 1; middle > name && *middle != '-'; middle--)
		;
	if (middle == name || middle - name >= (long)sizeof(attachment->interface))
		return -EINVAL;
	snprintf(attachment->interface, sizeof(attachment->interface), "%.*s", (int)(middle - name),
		 name);
	attachment->ifindex = strtoul(middle + 1, NULL, 10);
	for (int program = 0; program < BG_PROGRAMS; program++) {
		if (!strcmp(last + 1, bg_program_name(program))) {
			attachment->program = program;
			return 0;
		}
	}
	if (!last[1] || strlen(last + 1) >= sizeof(attachment->stray))
		return -EINVAL;
	attachment->program = BG_PROGRAMS;
	snprintf(attachment->stray, sizeof(attachment->stray), "%s", last + 1);
	return 0;
}

static int pin_link(const char *pin_dir, const struct bg_attachment *attachment,
		    struct bg_error *err)
{
	char name[96];
	int rc;

	pin_name(attachment, name, sizeof(name));
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
 * First a stand-in, which calls the program, takes its place in the link; then the
 * program is attached at the head by a new link; then the old link goes. Every packet
 * meets the program at any time, also when the daemon dies in between.
 */
static int tcx_to_front(const struct bg_attach_context *context, struct bg_attachment *attachment,
			struct bg_error *err)
{
	int prog_fd = bg_program_fd(context->skel, attachment->program), rc;
	int stand_in = bpf_program__fd(context->skel->progs.tc_stand_in);
	struct bg_attachment first = *attachment;
	__u32 slot = 0;

	first.link_fd = -1; /* that one is not closed when there is no new one */
	rc = bg_map_set(context->skel->maps.stands_in_for, &slot, &prog_fd, err);
	if (rc)
		return rc;
	rc = bpf_link_update(attachment->link_fd, stand_in, NULL);
	if (rc)
		return bg_fail(err, rc, "standing in for %s on %s: %s",
			       bg_program_name(attachment->program), attachment->interface,
			       strerror(-rc));
	first.prog_id = program_id(prog_fd);
	rc = attach_tcx(prog_fd, &first, err);
	first.link_id = rc ? 0 : link_id(first.link_fd);
	if (!rc)
		rc = pin_link(context->pin_dir, &first, err);
	if (rc) {
		bg_attach_release(&first);
		bpf_link_update(attachment->link_fd, prog_fd, NULL);
		return rc;
	}
	bpf_link_detach(attachment->link_fd);
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
	char name[96];
	int rc;

	if (attachment->link_fd < 0)
		return 0;
	pin_name(attachment, name, sizeof(name));
	if (is_pinned(pin_dir, name, attachment))
		return 0;
	rc = pin_link(pin_dir, attachment, err);
	return rc ? rc : 1;
}

void bg_detach(const char *pin_dir, struct bg_attachment *attachment)
{
	if (attachment->by == BG_ATTACH_CLSACT)
		bg_clsact_detach(attachment);
	else if (attachment->link_fd >= 0)
		bpf_link_detach(attachment->link_fd);
	bg_attach_forget(pin_dir, attachment);
}

void bg_attach_forget(const char *pin_dir, struct bg_attachment *attachment)
{
	char name[96];

	if (attachment->link_fd >= 0) {
		pin_name(attachment, name, sizeof(name));
		bg_pin_remove(pin_dir, BG_PIN_LINKS, name);
	}
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
	if (fd < 0)
		return bg_fail(adoption->err, fd, "opening %s/links/%s: %s", adoption->pin_dir,
			       name, strerror(-fd));
	rc = bg_link_target(fd, &ifindex, &attachment.prog_id, &attachment.link_id);
	/* to unpin it is to take it away: only when the link itself says that it is dead */
	if (rc && rc != -EINVAL)
		return bg_fail(adoption->err, rc, "asking the kernel about %s/links/%s: %s",
			       adoption->pin_dir, name, strerror(-rc));
	if (!rc && !ifindex) {
		bg_pin_remove(adoption->pin_dir, BG_PIN_LINKS, name);
		bg_log(BG_LOG_INFO, "unpinned a link whose interface is gone", "link=%s", name);
		return 0;
	}
	if (parse_pin_name(name, &attachment) || ifindex != attachment.ifindex ||
	    (rc && attachment.program != BG_PROGRAMS)) {
		bg_log(BG_LOG_WARNING,
		       "left alone a link that is not as this program pins them: `branchguard "
		       "unload` takes it away",
		       "link=%s ifindex=%u", name, ifindex);
		return 0;
	}
	attachment.by = BG_ATTACH_TCX;
	if (attachment.program != BG_PROGRAMS && bg_program_hook(attachment.program) == BG_HOOK_XDP)
		attachment.by = BG_ATTACH_XDP;
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

static bool is_one_of(const struct bg_attachment ours[BG_PROGRAMS], __u32 prog_id)
{
	for (int program = 0; program < BG_PROGRAMS; program++)
		if (ours[program].by == BG_ATTACH_TCX && ours[program].prog_id == prog_id)
			return true;
	return false;
}

bool bg_attach_is_behind(const struct bg_attachment ours[BG_PROGRAMS], enum bg_program program,
			 __u32 first_filter)
{
	__u32 first;

	switch (ours[program].by) {
	case BG_ATTACH_TCX:
		return tcx_programs(&ours[program], &first) && !is_one_of(ours, first);
	case BG_ATTACH_CLSACT:
		return tcx_programs(&ours[program], &first) ||
		       !bg_clsact_is_our_handle(first_filter);
	default:
		return false;
	}
}

bool bg_attach_is_shared(const struct bg_attachment ours[BG_PROGRAMS], enum bg_program program,
			 int filters_on_interface)
{
	int tcx_on_hook = 0, filters = 0;
	__u32 first;

	for (int other = 0; other < BG_PROGRAMS; other++) {
		filters += ours[other].by == BG_ATTACH_CLSACT;
		tcx_on_hook += ours[other].by == BG_ATTACH_TCX &&
			       bg_program_hook(other) == bg_program_hook(program);
	}
	return filters_on_interface > filters || tcx_programs(&ours[program], &first) > tcx_on_hook;
}
