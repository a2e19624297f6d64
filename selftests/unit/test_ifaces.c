// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Arming, disarming and adopting: a kernel that attaches, refuses and loses programs as a
 * test has it, and what becomes of the table of guards and of the maps. Absence from a table
 * never disarms, and a VLAN is let in only when its branch is judged.
 */
#include "guard/ifaces.h"

#include <linux/rtnetlink.h>
#include <net/if.h>
#include <unistd.h>

#include "guard/guards.h"
#include "guard/routes.h"
#include "model_maker.h"
#include "scripted_maps.h"
#include "scripted_netlink.h"
#include "test.h"

#define STRICT_VETH "vlan0123456789a"

enum { LO = 1, PRIMARY = 2, TRUNK = 3, BRANCH = 4, POD = 6, MOST = 8 };

static const struct script_link links[] = {
	{ .ifindex = LO, .name = "lo", .flags = IFF_LOOPBACK },
	{ .ifindex = PRIMARY, .name = "eth0" },
	{ .ifindex = TRUNK, .name = "eth1" },
	{ .ifindex = BRANCH, .name = "vlan.eth.9", .kind = "vlan", .vlan = 9, .lower = TRUNK },
	{ .ifindex = POD, .name = STRICT_VETH, .kind = "veth", .lower = 2, .netnsid = 1 },
};
#define LINKS (sizeof(links) / sizeof(links[0]))

/* --- a kernel that attaches ------------------------------------------------ */

static struct {
	bool there[MOST][BG_PROGRAMS];
	bool is_here[MOST];	     /* the interface, whatever the table says */
	bool moved[MOST];	     /* to another network namespace, with its programs */
	const char *is_called[MOST]; /* NULL = as the table says */
	int attach_error, xdp_error, replace_error, front_error, pin_error, routes_error;
	bool behind, shared, makes_qdisc, no_xdp_program;
	unsigned int attached, replaced, detached, forgotten;
	bool vlan_armed_then; /* VLAN 9, when something was detached or forgotten */
	struct {
		__u32 ifindex;
		enum bg_program program;
		bool vlan_armed; /* VLAN 9, when it was attached */
	} order[32];
	struct bg_attachment pinned[4]; /* what an earlier daemon left */
	size_t pinned_count;
	__u32 filter_on; /* an interface with filters of ours, 0 = none */
	int adopt_error;
} kernel;

static char logged[8192];

static bool has_logged(const char *text)
{
	return strstr(logged, text);
}

void __wrap_bg_log(enum bg_log_level level, const char *message, const char *fields, ...)
	__attribute__((format(printf, 3, 4)));
void __wrap_bg_log(enum bg_log_level level, const char *message, const char *fields, ...)
{
	size_t used = strlen(logged);
	va_list args;

	(void)level;
	used += snprintf(logged + used, sizeof(logged) - used, "%s ", message);
	assert_true(used < sizeof(logged));
	va_start(args, fields);
	if (fields)
		used += vsnprintf(logged + used, sizeof(logged) - used, fields, args);
	va_end(args);
	assert_true(used + 2 < sizeof(logged));
	memcpy(logged + used, "\n", 2);
}

static bool vlan_is_armed(__u32 vlan)
{
	const __u32 *ifindex = script_entry("fast_vlans", &vlan);

	return ifindex && *ifindex;
}

int __wrap_bg_attach(const struct bg_attach_context *context, struct bg_attachment *attachment,
		     bool *made_qdisc, struct bg_error *err);
int __wrap_bg_attach(const struct bg_attach_context *context, struct bg_attachment *attachment,
		     bool *made_qdisc, struct bg_error *err)
{
	bool is_xdp = bg_program_hook(attachment->program) == BG_HOOK_XDP;
	int error = is_xdp ? kernel.xdp_error : kernel.attach_error;

	*made_qdisc = kernel.makes_qdisc;
	if (error)
		return bg_fail(err, -error, "the kernel says no");
	attachment->by = is_xdp ? BG_ATTACH_XDP : context->tcx ? BG_ATTACH_TCX : BG_ATTACH_CLSACT;
	attachment->link_fd = -1;
	kernel.there[attachment->ifindex][attachment->program] = true;
	assert_true(kernel.attached < 32);
	kernel.order[kernel.attached].ifindex = attachment->ifindex;
	kernel.order[kernel.attached].program = attachment->program;
	kernel.order[kernel.attached++].vlan_armed = vlan_is_armed(9);
	return 0;
}

enum bg_attach_state __wrap_bg_attach_look(const struct bg_attachment *attachment);
enum bg_attach_state __wrap_bg_attach_look(const struct bg_attachment *attachment)
{
	if (attachment->by == BG_ATTACH_NONE ||
	    !kernel.there[attachment->ifindex][attachment->program])
		return BG_ATTACH_GONE;
	return kernel.moved[attachment->ifindex] ? BG_ATTACH_ELSEWHERE : BG_ATTACH_RUNS;
}

void __wrap_bg_detach(const char *pin_dir, struct bg_attachment *attachment);
void __wrap_bg_detach(const char *pin_dir, struct bg_attachment *attachment)
{
	(void)pin_dir;
	kernel.detached += attachment->by != BG_ATTACH_NONE;
	kernel.vlan_armed_then |= attachment->by != BG_ATTACH_NONE && vlan_is_armed(9);
	attachment->by = BG_ATTACH_NONE;
}

void __wrap_bg_attach_forget(const char *pin_dir, struct bg_attachment *attachment);
void __wrap_bg_attach_forget(const char *pin_dir, struct bg_attachment *attachment)
{
	(void)pin_dir;
	kernel.forgotten++;
	kernel.vlan_armed_then |= vlan_is_armed(9);
	attachment->by = BG_ATTACH_NONE;
}

void __wrap_bg_attach_release(struct bg_attachment *attachment);
void __wrap_bg_attach_release(struct bg_attachment *attachment)
{
	attachment->by = BG_ATTACH_NONE;
}

int __wrap_bg_attach_replace(const struct bg_attach_context *context,
			     struct bg_attachment *attachment, struct bg_error *err);
int __wrap_bg_attach_replace(const struct bg_attach_context *context,
			     struct bg_attachment *attachment, struct bg_error *err)
{
	(void)context;
	if (!kernel.there[attachment->ifindex][attachment->program])
		return bg_fail(err, -ENOLINK, "it is not there");
	if (kernel.replace_error)
		return bg_fail(err, -kernel.replace_error, "the kernel keeps the old one");
	kernel.replaced++;
	return 0;
}

int __wrap_bg_attach_to_front(const struct bg_attach_context *context,
			      struct bg_attachment *attachment, struct bg_error *err);
int __wrap_bg_attach_to_front(const struct bg_attach_context *context,
			      struct bg_attachment *attachment, struct bg_error *err)
{
	(void)context;
	(void)attachment;
	return kernel.front_error ? bg_fail(err, -kernel.front_error, "it cannot be moved") : 0;
}

bool __wrap_bg_attach_is_behind(const struct bg_attachment ours[BG_PROGRAMS],
				enum bg_program program, __u32 first_filter);
bool __wrap_bg_attach_is_behind(const struct bg_attachment ours[BG_PROGRAMS],
				enum bg_program program, __u32 first_filter)
{
	(void)first_filter;
	return kernel.behind && ours[program].by != BG_ATTACH_NONE;
}

bool __wrap_bg_attach_is_shared(const struct bg_attachment ours[BG_PROGRAMS],
				enum bg_program program, int filters);
bool __wrap_bg_attach_is_shared(const struct bg_attachment ours[BG_PROGRAMS],
				enum bg_program program, int filters)
{
	(void)ours;
	(void)program;
	(void)filters;
	return kernel.shared;
}

bool __wrap_bg_interface_is_here(__u32 ifindex);
bool __wrap_bg_interface_is_here(__u32 ifindex)
{
	return kernel.is_here[ifindex];
}

bool __wrap_bg_interface_is_called(__u32 ifindex, const char *name);
bool __wrap_bg_interface_is_called(__u32 ifindex, const char *name)
{
	return !kernel.is_called[ifindex] || !strcmp(kernel.is_called[ifindex], name);
}

int __wrap_bg_attach_adopt(const char *pin_dir,
			   void (*each)(struct bg_attachment *attachment, void *context),
			   void *context, struct bg_error *err);
int __wrap_bg_attach_adopt(const char *pin_dir,
			   void (*each)(struct bg_attachment *attachment, void *context),
			   void *context, struct bg_error *err)
{
	(void)pin_dir;
	if (kernel.adopt_error)
		return bg_fail(err, -kernel.adopt_error, "the pins cannot be read");
	for (size_t i = 0; i < kernel.pinned_count; i++)
		each(&kernel.pinned[i], context);
	return 0;
}

int __wrap_bg_attach_find_filter(enum bg_program program, __u32 ifindex,
				 struct bg_attachment *attachment);
int __wrap_bg_attach_find_filter(enum bg_program program, __u32 ifindex,
				 struct bg_attachment *attachment)
{
	if (!kernel.filter_on || ifindex != kernel.filter_on || !kernel.there[ifindex][program])
		return -ENOENT;
	*attachment = (struct bg_attachment){
		.program = program, .ifindex = ifindex, .by = BG_ATTACH_CLSACT, .link_fd = -1
	};
	return 0;
}

int __wrap_bg_attach_pin_again(const char *pin_dir, const struct bg_attachment *attachment,
			       struct bg_error *err);
int __wrap_bg_attach_pin_again(const char *pin_dir, const struct bg_attachment *attachment,
			       struct bg_error *err)
{
	(void)pin_dir;
	if (attachment->by == BG_ATTACH_NONE)
		return 0;
	return kernel.pin_error ? bg_fail(err, -kernel.pin_error, "no pin") : 1;
}

int __wrap_bg_program_fd(const struct branchguard_bpf *skel, enum bg_program program);
int __wrap_bg_program_fd(const struct branchguard_bpf *skel, enum bg_program program)
{
	(void)skel;
	return kernel.no_xdp_program && bg_program_hook(program) == BG_HOOK_XDP ? -1 : 100;
}

int __wrap_bg_netdev_filters(struct bg_netdevs *netdevs, __u32 ifindex, struct bg_filters *filters);
int __wrap_bg_netdev_filters(struct bg_netdevs *netdevs, __u32 ifindex, struct bg_filters *filters)
{
	(void)netdevs;
	(void)ifindex;
	*filters = (struct bg_filters){};
	return 0;
}

int __wrap_bg_routes_sync(const struct bg_datapath *datapath, const struct bg_model *model,
			  struct bg_netdevs *netdevs, __u32 *primary, struct bg_error *err);
int __wrap_bg_routes_sync(const struct bg_datapath *datapath, const struct bg_model *model,
			  struct bg_netdevs *netdevs, __u32 *primary, struct bg_error *err)
{
	(void)datapath;
	(void)model;
	(void)netdevs;
	if (kernel.routes_error)
		return bg_fail(err, -kernel.routes_error, "no routes");
	*primary = PRIMARY;
	return 0;
}

/* --- a node ---------------------------------------------------------------- */

struct node {
	struct bg_datapath *datapath;
	struct bg_netdevs *netdevs;
	struct bg_model *model;
	struct bg_ifaces *ifaces;
	struct bg_error err;
};

static void set_name(char name[16], const char *text)
{
	snprintf(name, 16, "%s", text);
}

/* The branch with VLAN 9, with one pod. */
static struct bg_model *feed(void)
{
	struct bg_model *model = maker_new();
	size_t branch = maker_branch(model, "eni-9", 9), pod = maker_pod(model, branch, "cart");

	set_name(model->branches[branch].interface, "vlan.eth.9");
	set_name(model->branches[branch].pods[pod].host_interface, STRICT_VETH);
	set_name(model->node.primary_interface, "eth0");
	set_name(model->node.trunk_interface, "eth1");
	return model;
}

static struct node node_with(enum bg_xdp_choice xdp, bool tcx)
{
	const struct bg_ifaces_options options = { .pin_dir = "/pins", .xdp = xdp, .tcx = tcx };
	const struct bg_branch_info info = { .id = "eni-9" };
	const __u32 vlan = 9;
	struct node node = { .datapath = script_datapath(),
			     .netdevs = script_netdevs(links, LINKS),
			     .model = feed() };

	memset(&kernel, 0, sizeof(kernel));
	logged[0] = '\0';
	script_put("branches", &vlan, &info);
	node.ifaces = bg_ifaces_new(&options, node.netdevs);
	assert_non_null(node.ifaces);
	return node;
}

static void end(struct node *node)
{
	bg_ifaces_free(node->ifaces);
	bg_model_free(node->model);
	bg_netdevs_close(node->netdevs);
}

static int sync_node(struct node *node)
{
	return bg_ifaces_sync(node->ifaces, node->datapath, node->model, &node->err);
}

static const struct bg_guard *guard(const struct node *node, __u32 ifindex)
{
	return bg_guard_find(node->ifaces, ifindex);
}

/* The table without one of its interfaces, or with another name for it. */
static void table_changes(struct node *node, __u32 ifindex, const char *name)
{
	struct script_link now[LINKS];
	size_t count = 0;

	for (size_t i = 0; i < LINKS; i++) {
		if (links[i].ifindex == ifindex && !name)
			continue;
		now[count] = links[i];
		if (links[i].ifindex == ifindex)
			now[count].name = name;
		count++;
	}
	bg_netdevs_close(node->netdevs);
	node->netdevs = script_netdevs(now, count);
	node->ifaces->netdevs = node->netdevs;
}

static unsigned int armed_at(__u32 vlan)
{
	const struct bg_branch_info *info = script_entry("branches", &vlan);

	return info && info->armed_ns ? info->ifindex : 0;
}

static void count_trouble(const char *interface, const char *text, bool open, void *context)
{
	unsigned int *counts = context;

	assert_true(interface[0] && text[0]);
	counts[open]++;
}

/* Interfaces that are in trouble; *open: those by which something passes unjudged. */
static unsigned int troubles(const struct node *node, unsigned int *open)
{
	unsigned int counts[2] = {};

	bg_ifaces_troubles(node->ifaces, count_trouble, counts);
	*open = counts[1];
	return counts[0] + counts[1];
}

/* --- arming ---------------------------------------------------------------- */

static void everything_is_armed_the_trunk_first(void **state)
{
	struct node node = node_with(BG_XDP_OFF, true);
	const unsigned int programs = 2 + 2 + 2 + 1; /* primary, trunk, branch, pod */
	unsigned int open;

	(void)state;
	assert_int_equal(sync_node(&node), 0);
	assert_int_equal(kernel.attached, programs);
	assert_int_equal(kernel.order[0].ifindex, TRUNK);
	assert_int_equal(kernel.order[1].ifindex, TRUNK);
	for (unsigned int i = 0; i < programs; i++)
		if (kernel.order[i].ifindex == BRANCH)
			assert_false(kernel.order[i].vlan_armed);
	assert_true(vlan_is_armed(9));
	assert_int_equal(armed_at(9), BRANCH);
	assert_int_equal(script_entries("ifaces"), 4);
	assert_null(guard(&node, LO));
	assert_int_equal(troubles(&node, &open), 0);
	assert_true(has_logged("armed interface=vlan.eth.9 ifindex=4 role=branch vlan=9 "
			       "hooks=ingress,egress way=tcx"));
	/* and once more there is nothing to do */
	logged[0] = '\0';
	assert_int_equal(sync_node(&node), 0);
	assert_int_equal(kernel.attached, programs);
	assert_string_equal(logged, "");
	assert_false(bg_ifaces_lost(node.ifaces));
	end(&node);
}

static void a_branch_that_is_not_judged_is_not_let_in(void **state)
{
	struct node node = node_with(BG_XDP_OFF, true);
	unsigned int open;

	(void)state;
	kernel.attach_error = EPERM;
	assert_int_equal(sync_node(&node), 4);
	assert_false(vlan_is_armed(9));
	assert_int_equal(armed_at(9), 0);
	assert_int_equal(troubles(&node, &open), 4);
	assert_int_equal(open, 4);
	assert_true(has_logged("this interface is not guarded interface=vlan.eth.9 ifindex=4 "
			       "role=branch reason=\"the kernel says no\""));
	/* said once */
	logged[0] = '\0';
	assert_int_equal(sync_node(&node), 4);
	assert_string_equal(logged, "");
	/* and it heals by itself */
	kernel.attach_error = 0;
	assert_int_equal(sync_node(&node), 0);
	assert_int_equal(armed_at(9), BRANCH);
	assert_int_equal(troubles(&node, &open), 0);
	end(&node);
}

static void a_branch_that_is_judged_stays_let_in(void **state)
{
	struct node node = node_with(BG_XDP_OFF, true);
	unsigned int open;

	(void)state;
	assert_int_equal(sync_node(&node), 0);
	/* what people read of it changes, and cannot be written */
	kernel.shared = true;
	script_map_fails("ifaces", SCRIPT_UPDATE, ENOMEM);
	assert_int_equal(sync_node(&node), 2);
	assert_true(vlan_is_armed(9));
	assert_int_equal(armed_at(9), BRANCH);
	assert_int_equal(troubles(&node, &open), 2);
	assert_int_equal(open, 0);
	assert_true(has_logged(
		"what guards this interface stays, but could not be brought up to date"));
	end(&node);
}

static void an_interface_that_goes_meanwhile_is_no_trouble(void **state)
{
	struct node node = node_with(BG_XDP_OFF, true);
	unsigned int open;

	(void)state;
	kernel.attach_error = ENODEV;
	assert_int_equal(sync_node(&node), 4);
	assert_int_equal(troubles(&node, &open), 0);
	assert_string_equal(logged, "");
	end(&node);
}

static void without_xdp_tc_guards_alone(void **state)
{
	struct node node = node_with(BG_XDP_ON_BRANCH, true);
	unsigned int open;

	(void)state;
	kernel.xdp_error = EBUSY;
	assert_int_equal(sync_node(&node), 0);
	assert_true(vlan_is_armed(9));
	assert_int_equal(troubles(&node, &open), 1);
	assert_int_equal(open, 0);
	assert_true(has_logged("without XDP on this interface, TC guards it alone"));
	kernel.xdp_error = 0;
	assert_int_equal(sync_node(&node), 0);
	assert_int_equal(troubles(&node, &open), 0);
	assert_true(kernel.there[BRANCH][BG_XDP_BRANCH]);
	end(&node);
}

static void what_somebody_took_away_is_put_back(void **state)
{
	struct node node = node_with(BG_XDP_OFF, true);

	(void)state;
	assert_int_equal(sync_node(&node), 0);
	kernel.there[BRANCH][BG_TC_BRANCH_EGRESS] = false;
	assert_true(bg_ifaces_lost(node.ifaces));
	/* as long as it cannot be, nobody counts it as put back, and the VLAN is shut */
	kernel.attach_error = ENOMEM;
	assert_int_equal(sync_node(&node), 1);
	assert_int_equal(bg_ifaces_put_back(node.ifaces), 0);
	assert_false(vlan_is_armed(9));
	kernel.attach_error = 0;
	assert_int_equal(sync_node(&node), 0);
	assert_int_equal(bg_ifaces_put_back(node.ifaces), 1);
	assert_int_equal(kernel.forgotten, 1);
	assert_true(vlan_is_armed(9));
	assert_true(has_logged("somebody took a program away, it is put back interface=vlan.eth.9 "
			       "ifindex=4 program=tc_branch_egress way=tcx"));
	assert_false(bg_ifaces_lost(node.ifaces));
	end(&node);
}

/* With --attach another than before: the new one comes before the old one goes. */
static void another_way_of_attaching_replaces_the_first(void **state)
{
	struct node node = node_with(BG_XDP_OFF, false);

	(void)state;
	kernel.makes_qdisc = true;
	assert_int_equal(sync_node(&node), 0);
	assert_int_equal(guard(&node, BRANCH)->attachment[BG_TC_BRANCH_INGRESS].by,
			 BG_ATTACH_CLSACT);
	assert_true(guard(&node, BRANCH)->flags & BG_IFACE_OUR_QDISC);
	node.ifaces->options.tcx = true;
	kernel.attach_error = ENOMEM;
	assert_int_equal(sync_node(&node), 4);
	assert_int_equal(kernel.detached, 0);
	assert_true(vlan_is_armed(9));
	kernel.attach_error = 0;
	assert_int_equal(sync_node(&node), 0);
	assert_int_equal(kernel.detached, 7);
	assert_int_equal(guard(&node, BRANCH)->attachment[BG_TC_BRANCH_INGRESS].by, BG_ATTACH_TCX);
	end(&node);
}

static void programs_of_others_are_noticed(void **state)
{
	struct node node = node_with(BG_XDP_OFF, true);
	const __u32 branch = BRANCH;
	unsigned int open;

	(void)state;
	assert_int_equal(sync_node(&node), 0);
	kernel.shared = true;
	assert_int_equal(sync_node(&node), 0);
	assert_true(((const struct bg_iface *)script_entry("ifaces", &branch))->flags &
		    BG_IFACE_SHARED);
	assert_true(
		has_logged("other programs run on this interface: its packets keep to the stack"));
	kernel.shared = false;
	assert_int_equal(sync_node(&node), 0);
	assert_false(((const struct bg_iface *)script_entry("ifaces", &branch))->flags &
		     BG_IFACE_SHARED);
	assert_true(has_logged("no other programs run on this interface any more"));
	/* one that came before ours, and can or cannot be overtaken */
	kernel.behind = true;
	assert_int_equal(sync_node(&node), 0);
	assert_true(has_logged(
		"another program came first: what it let pass was not judged; ours is in front "
		"again"));
	assert_int_equal(troubles(&node, &open), 0);
	kernel.front_error = EEXIST;
	assert_int_equal(sync_node(&node), 0);
	assert_int_equal(troubles(&node, &open), 4);
	assert_int_equal(open, 4);
	assert_true(has_logged("a program of somebody else runs before ours"));
	end(&node);
}

static void more_to_do_interrupts_a_sync(void **state)
{
	struct node node = node_with(BG_XDP_OFF, true);
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	bg_ifaces_interrupt_by(node.ifaces, ends[0]);
	assert_int_equal(write(ends[1], "x", 1), 1);
	assert_int_equal(sync_node(&node), 4);
	assert_true(bg_ifaces_interrupted(node.ifaces));
	assert_int_equal(kernel.attached, 0);
	close(ends[1]);
	close(ends[0]);
	bg_ifaces_interrupt_by(node.ifaces, -1);
	assert_int_equal(sync_node(&node), 0);
	assert_false(bg_ifaces_interrupted(node.ifaces));
	end(&node);
}

/* --- disarming ------------------------------------------------------------- */

static void who_is_missing_in_the_table_is_asked_for(void **state)
{
	struct node node = node_with(BG_XDP_OFF, true);
	unsigned int open;

	(void)state;
	assert_int_equal(sync_node(&node), 0);
	table_changes(&node, BRANCH, NULL);
	/* it is there after all */
	kernel.is_here[BRANCH] = true;
	assert_int_equal(sync_node(&node), 0);
	assert_non_null(guard(&node, BRANCH));
	assert_true(vlan_is_armed(9));
	/* it is elsewhere, with our programs on it */
	kernel.is_here[BRANCH] = false;
	kernel.moved[BRANCH] = true;
	logged[0] = '\0';
	sync_node(&node);
	assert_non_null(guard(&node, BRANCH));
	assert_int_equal(troubles(&node, &open), 1);
	assert_true(has_logged("the interface is in another network namespace now"));
	/* said once, and true until it is gone */
	logged[0] = '\0';
	sync_node(&node);
	assert_string_equal(logged, "");
	assert_int_equal(troubles(&node, &open), 1);
	/* it is gone, and so are they */
	memset(kernel.there[BRANCH], 0, sizeof(kernel.there[BRANCH]));
	sync_node(&node);
	assert_null(guard(&node, BRANCH));
	assert_false(vlan_is_armed(9));
	assert_int_equal(armed_at(9), 0);
	assert_int_equal(script_entries("ifaces"), 3);
	assert_true(has_logged("interface gone, disarmed interface=vlan.eth.9"));
	end(&node);
}

static void a_node_without_a_primary_interface_says_so(void **state)
{
	struct node node = node_with(BG_XDP_OFF, true);
	unsigned int open;

	(void)state;
	set_name(node.model->node.primary_interface, "eth9");
	assert_int_equal(sync_node(&node), 0);
	assert_true(has_logged("there is no primary interface"));
	assert_int_equal(troubles(&node, &open), 1);
	logged[0] = '\0';
	assert_int_equal(sync_node(&node), 0);
	assert_false(has_logged("there is no primary interface"));
	set_name(node.model->node.primary_interface, "eth0");
	assert_int_equal(sync_node(&node), 0);
	assert_int_equal(troubles(&node, &open), 0);
	end(&node);
}

/* Its branch is in force all the same: that everything is dropped would be a lie. */
static void a_branch_that_is_renamed_is_judged_as_before(void **state)
{
	static const struct script_link renamed = {
		.ifindex = BRANCH, .name = "foo9", .kind = "vlan", .vlan = 9, .lower = TRUNK
	};
	struct node node = node_with(BG_XDP_OFF, true);
	unsigned int changed, open;

	(void)state;
	assert_int_equal(sync_node(&node), 0);
	script_link(script_event(), RTM_NEWLINK, &renamed);
	assert_int_equal(bg_netdevs_read(node.netdevs, NULL, NULL, &changed, &node.err), 0);
	logged[0] = '\0';
	assert_int_equal(sync_node(&node), 0);
	assert_true(has_logged("the feed calls this branch's interface otherwise"));
	assert_false(has_logged("everything on it is dropped"));
	assert_int_equal(troubles(&node, &open), 1);
	assert_int_equal(guard(&node, BRANCH)->vlan, 9);
	end(&node);
}

/* vlan.eth.9 goes, and `other` gets its ifindex, before the daemon looks. */
static void change_places(struct node *node, const struct script_link *other)
{
	unsigned int changed;

	script_link(script_event(), RTM_DELLINK, &links[BRANCH - 1]);
	script_link(script_event(), RTM_NEWLINK, other);
	assert_int_equal(bg_netdevs_read(node->netdevs, NULL, NULL, &changed, &node->err), 0);
	logged[0] = '\0';
	kernel.attached = 0;
}

static void another_interface_with_its_ifindex_is_another(void **state)
{
	static const struct script_link stranger = { .ifindex = BRANCH, .name = "eth7" };
	static const struct script_link branch = { .ifindex = BRANCH, .name = "vlan.eth.77" };
	enum way { GONE, MOVED, ARMED_JUST_THEN, WAYS };

	(void)state;
	for (enum way way = 0; way < WAYS; way++) {
		struct node node = node_with(BG_XDP_OFF, true);
		const bool is_branch = way == MOVED;

		assert_int_equal(sync_node(&node), 0);
		change_places(&node, is_branch ? &branch : &stranger);
		if (way == GONE)
			memset(kernel.there[BRANCH], 0, sizeof(kernel.there[BRANCH]));
		kernel.moved[BRANCH] = way == MOVED;
		sync_node(&node);
		assert_true(has_logged("interface gone, disarmed interface=vlan.eth.9"));
		assert_false(has_logged("renamed"));
		assert_false(has_logged("took a program away"));
		assert_int_equal(bg_ifaces_put_back(node.ifaces), 0);
		assert_false(vlan_is_armed(9));
		/* what it took along it keeps; what a stranger has of us it does not */
		assert_int_equal(kernel.detached, way == ARMED_JUST_THEN ? 2 : 0);
		assert_int_equal(!!guard(&node, BRANCH), is_branch);
		assert_int_equal(kernel.attached, is_branch ? 2 : 0);
		end(&node);
	}
}

/* Another one may have its VLAN by now, and what is done of it may take long. */
static void who_is_gone_is_shut_before_anything_else(void **state)
{
	struct node node = node_with(BG_XDP_OFF, true);

	(void)state;
	assert_int_equal(sync_node(&node), 0);
	bg_netdevs_close(node.netdevs);
	node.ifaces->netdevs = node.netdevs = script_netdevs(links, 3);
	memset(kernel.there[POD], 0, sizeof(kernel.there[POD]));
	memset(kernel.there[BRANCH], 0, sizeof(kernel.there[BRANCH]));
	sync_node(&node);
	assert_null(guard(&node, POD));
	assert_null(guard(&node, BRANCH));
	assert_true(kernel.forgotten > 0);
	assert_false(kernel.vlan_armed_then);
	end(&node);
}

/* The trunk would let pass what comes for the next interface of its VLAN. */
static void what_the_maps_still_have_goes_later(void **state)
{
	static const struct {
		const char *map;
		enum script_map_call call;
	} cases[] = {
		{ "fast_vlans", SCRIPT_LOOKUP },
		{ "fast_vlans", SCRIPT_UPDATE },
		{ "fast_ifaces", SCRIPT_UPDATE },
		{ "ifaces", SCRIPT_DELETE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct node node = node_with(BG_XDP_OFF, true);
		unsigned int open;

		assert_int_equal(sync_node(&node), 0);
		table_changes(&node, BRANCH, NULL);
		memset(kernel.there[BRANCH], 0, sizeof(kernel.there[BRANCH]));
		script_map_fails(cases[i].map, cases[i].call, ENOMEM);
		logged[0] = '\0';
		sync_node(&node);
		assert_true(has_logged("interface gone, disarmed interface=vlan.eth.9"));
		assert_true(has_logged("but the maps still name it; will be tried again"));
		assert_int_equal(armed_at(9), 0);
		assert_int_equal(troubles(&node, &open), 1);
		assert_int_equal(open, 0);
		/* said once */
		logged[0] = '\0';
		sync_node(&node);
		assert_string_equal(logged, "");
		script_map_fails(cases[i].map, cases[i].call, 0);
		sync_node(&node);
		assert_null(guard(&node, BRANCH));
		assert_false(vlan_is_armed(9));
		assert_int_equal(script_entries("ifaces"), 3);
		assert_int_equal(troubles(&node, &open), 0);
		end(&node);
	}
}

/* Nor is another one with its ifindex taken for it meanwhile. */
static void one_that_leaves_is_not_armed_again(void **state)
{
	struct node node = node_with(BG_XDP_OFF, true);

	(void)state;
	assert_int_equal(sync_node(&node), 0);
	table_changes(&node, BRANCH, NULL);
	memset(kernel.there[BRANCH], 0, sizeof(kernel.there[BRANCH]));
	script_map_fails("ifaces", SCRIPT_DELETE, EBUSY);
	sync_node(&node);
	table_changes(&node, BRANCH, "vlan.eth.9");
	kernel.attached = 0;
	sync_node(&node);
	assert_int_equal(kernel.attached, 0);
	assert_false(vlan_is_armed(9));
	script_map_fails("ifaces", SCRIPT_DELETE, 0);
	assert_int_equal(sync_node(&node), 0);
	assert_int_equal(kernel.attached, 2);
	assert_true(vlan_is_armed(9));
	assert_int_equal(armed_at(9), BRANCH);
	end(&node);
}

/* Between what the table says and what is done, it may have become another one. */
static void what_is_called_otherwise_is_not_armed(void **state)
{
	struct node node = node_with(BG_XDP_OFF, true);

	(void)state;
	kernel.is_called[BRANCH] = "eth7";
	assert_int_equal(sync_node(&node), 1);
	for (unsigned int i = 0; i < kernel.attached; i++)
		assert_int_not_equal(kernel.order[i].ifindex, BRANCH);
	assert_false(vlan_is_armed(9));
	end(&node);
}

static void what_leaves_the_feed_stays_guarded(void **state)
{
	struct node node = node_with(BG_XDP_OFF, true);
	unsigned int open;

	(void)state;
	assert_int_equal(sync_node(&node), 0);
	bg_model_free(node.model);
	node.model = maker_new();
	set_name(node.model->node.primary_interface, "eth0");
	assert_int_equal(sync_node(&node), 0);
	assert_non_null(guard(&node, BRANCH));
	assert_non_null(guard(&node, POD));
	assert_int_equal(kernel.detached, 0);
	assert_int_equal(troubles(&node, &open), 1);
	assert_true(has_logged(
		"no branch in the feed for this interface: everything on it is dropped"));
	/* before any feed nobody knows which ones it has */
	bg_model_free(node.model);
	node.model = NULL;
	assert_int_equal(sync_node(&node), 0);
	assert_int_equal(troubles(&node, &open), 0);
	node.model = maker_new();
	end(&node);
}

/* The role of the primary interface goes only to another one. */
static void the_primary_interface_is_disarmed_for_another(void **state)
{
	struct node node = node_with(BG_XDP_OFF, true);

	(void)state;
	assert_int_equal(sync_node(&node), 0);
	/* its name is not there: that says nothing */
	set_name(node.model->node.primary_interface, "eth9");
	assert_int_equal(sync_node(&node), 0);
	assert_int_equal(guard(&node, PRIMARY)->role, BG_ROLE_PRIMARY);
	assert_int_equal(kernel.detached, 0);
	/* the trunk is both now */
	set_name(node.model->node.primary_interface, "eth1");
	assert_int_equal(sync_node(&node), 0);
	assert_null(guard(&node, PRIMARY));
	assert_int_equal(guard(&node, TRUNK)->role, BG_ROLE_PRIMARY);
	assert_int_equal(kernel.detached, 2);
	assert_true(has_logged("disarmed: the interface has no part in the feed any more"));
	end(&node);
}

static void an_interface_with_another_vlan_gives_up_the_first(void **state)
{
	struct node node = node_with(BG_XDP_OFF, true);
	unsigned int open;

	(void)state;
	assert_int_equal(sync_node(&node), 0);
	node.model->branches[0].vlan = 77;
	table_changes(&node, BRANCH, "br0");
	set_name(node.model->branches[0].interface, "br0");
	assert_int_equal(sync_node(&node), 0);
	assert_false(vlan_is_armed(9));
	assert_true(vlan_is_armed(77));
	assert_true(has_logged("interface renamed interface=br0 ifindex=4 was=vlan.eth.9"));
	assert_true(has_logged("interface changed interface=br0 ifindex=4 role=branch vlan=77 "
			       "was=branch was_vlan=9"));
	assert_int_equal(troubles(&node, &open), 1);
	assert_true(has_logged("the tag on the wire is not the VlanId of the feed's branch"));
	end(&node);
}

static void the_node_s_own_interfaces_are_left_out(void **state)
{
	struct node node = node_with(BG_XDP_OFF, true);
	unsigned int open;

	(void)state;
	set_name(node.model->branches[0].interface, "eth0");
	assert_int_equal(sync_node(&node), 0);
	assert_int_equal(guard(&node, PRIMARY)->role, BG_ROLE_PRIMARY);
	assert_true(troubles(&node, &open) >= 1);
	assert_true(has_logged("which is the node's own: it is left out"));
	set_name(node.model->branches[0].interface, "lo");
	assert_int_equal(sync_node(&node), 0);
	assert_int_equal(guard(&node, LO)->role, BG_ROLE_NONE);
	assert_false(kernel.there[LO][BG_TC_BRANCH_INGRESS]);
	end(&node);
}

static void what_cannot_be_found_out_is_told_and_arms_all_the_same(void **state)
{
	struct node node = node_with(BG_XDP_OFF, true);

	(void)state;
	kernel.routes_error = EIO;
	assert_int_equal(sync_node(&node), -EIO);
	assert_true(vlan_is_armed(9));
	kernel.routes_error = 0;
	script_map_fails("pods", SCRIPT_LOOKUP, ENOMEM);
	script_map_fails("branches", SCRIPT_UPDATE, ENOMEM);
	node.ifaces->guards[0].armed_ns = 5;
	for (size_t i = 0; i < node.ifaces->count; i++)
		node.ifaces->guards[i].armed_ns = 5;
	assert_int_equal(sync_node(&node), -ENOMEM);
	end(&node);
}

/* --- a daemon that comes later --------------------------------------------- */

static void pinned_link(enum bg_program program, __u32 ifindex)
{
	kernel.pinned[kernel.pinned_count++] = (struct bg_attachment){ .program = program,
								       .ifindex = ifindex,
								       .interface = "was",
								       .by = BG_ATTACH_TCX,
								       .link_fd = -1 };
	kernel.there[ifindex][program] = true;
}

static void left_in_the_maps(__u32 ifindex, enum bg_role role, __u32 vlan)
{
	const struct bg_iface iface = { .ifindex = ifindex, .role = role, .vlan = vlan };
	const struct bg_branch_info info = { .id = "eni-9", .ifindex = ifindex, .armed_ns = 1234 };

	script_put("ifaces", &ifindex, &iface);
	if (role == BG_ROLE_BRANCH)
		script_put("branches", &vlan, &info);
}

static void what_an_earlier_daemon_guarded_is_taken_over(void **state)
{
	struct node node = node_with(BG_XDP_OFF, true);

	(void)state;
	left_in_the_maps(BRANCH, BG_ROLE_BRANCH, 9);
	left_in_the_maps(TRUNK, BG_ROLE_TRUNK, 0);
	left_in_the_maps(7, BG_ROLE_POD_STRICT, 9); /* not in the table */
	pinned_link(BG_TC_BRANCH_INGRESS, BRANCH);
	pinned_link(BG_TC_BRANCH_EGRESS, BRANCH);
	pinned_link(BG_TC_TRUNK_INGRESS, TRUNK);
	assert_int_equal(bg_ifaces_adopt(node.ifaces, node.datapath, &node.err), 0);
	assert_int_equal(guard(&node, BRANCH)->armed_ns, 1234);
	assert_string_equal(guard(&node, 7)->name, "?");
	/* somebody took one away while nobody looked */
	assert_true(has_logged("a program was gone while no daemon ran: what passed here was not "
			       "judged; putting it back interface=eth1 ifindex=3 "
			       "program=tc_trunk_guard_out"));
	assert_false(has_logged("interface=? "));
	logged[0] = '\0';
	assert_int_equal(sync_node(&node), 0);
	assert_true(has_logged("adopted interface=vlan.eth.9"));
	assert_true(has_logged("adopted interface=eth1"));
	/* of the branch's programs none was attached anew; the time stays */
	for (unsigned int i = 0; i < kernel.attached; i++)
		assert_int_not_equal(kernel.order[i].ifindex, BRANCH);
	assert_int_equal(armed_at(9), BRANCH);
	assert_null(guard(&node, 7));
	end(&node);
}

static void filters_are_found_without_pins(void **state)
{
	struct node node = node_with(BG_XDP_OFF, false);

	(void)state;
	left_in_the_maps(BRANCH, BG_ROLE_BRANCH, 9);
	kernel.filter_on = BRANCH;
	kernel.there[BRANCH][BG_TC_BRANCH_INGRESS] = true;
	kernel.there[BRANCH][BG_TC_BRANCH_EGRESS] = true;
	assert_int_equal(bg_ifaces_adopt(node.ifaces, node.datapath, &node.err), 0);
	assert_int_equal(guard(&node, BRANCH)->attachment[BG_TC_BRANCH_EGRESS].by,
			 BG_ATTACH_CLSACT);
	assert_string_equal(guard(&node, BRANCH)->attachment[BG_TC_BRANCH_EGRESS].interface,
			    "vlan.eth.9");
	assert_string_equal(logged, "");
	end(&node);

	node = node_with(BG_XDP_OFF, false);
	kernel.adopt_error = EIO;
	assert_int_equal(bg_ifaces_adopt(node.ifaces, node.datapath, &node.err), -EIO);
	end(&node);
}

static void programs_are_switched_in_place(void **state)
{
	struct node node = node_with(BG_XDP_ON_BRANCH, true);
	unsigned int open;

	(void)state;
	assert_int_equal(sync_node(&node), 0);
	kernel.detached = 0;
	bg_ifaces_switch(node.ifaces, node.datapath);
	assert_int_equal(kernel.replaced, 8);
	assert_false(bg_ifaces_outdated(node.ifaces));
	/* one that is not attached any more is no old one; the next sync brings it */
	kernel.there[BRANCH][BG_TC_BRANCH_EGRESS] = false;
	bg_ifaces_switch(node.ifaces, node.datapath);
	assert_int_equal(kernel.forgotten, 1);
	assert_false(bg_ifaces_outdated(node.ifaces));
	assert_int_equal(sync_node(&node), 0);
	/* old programs that stay are told, open, and tried again */
	kernel.replace_error = ENOMEM;
	bg_ifaces_switch(node.ifaces, node.datapath);
	assert_true(bg_ifaces_outdated(node.ifaces));
	assert_int_equal(troubles(&node, &open), 4);
	assert_int_equal(open, 4);
	assert_int_equal(sync_node(&node), 0);
	assert_true(bg_ifaces_outdated(node.ifaces));
	assert_int_equal(troubles(&node, &open), 4);
	kernel.replace_error = 0;
	assert_int_equal(sync_node(&node), 0);
	assert_false(bg_ifaces_outdated(node.ifaces));
	assert_int_equal(troubles(&node, &open), 0);
	/* a program that the options leave out now */
	kernel.no_xdp_program = true;
	bg_ifaces_switch(node.ifaces, node.datapath);
	assert_int_equal(kernel.detached, 1);
	end(&node);
}

static void pins_that_went_are_counted(void **state)
{
	struct node node = node_with(BG_XDP_OFF, true);

	(void)state;
	assert_int_equal(sync_node(&node), 0);
	assert_int_equal(bg_ifaces_pin_again(node.ifaces, &node.err), 7);
	kernel.pin_error = ENOSPC;
	assert_int_equal(bg_ifaces_pin_again(node.ifaces, &node.err), -ENOSPC);
	end(&node);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_is_armed_the_trunk_first),
		cmocka_unit_test(a_branch_that_is_not_judged_is_not_let_in),
		cmocka_unit_test(a_branch_that_is_judged_stays_let_in),
		cmocka_unit_test(an_interface_that_goes_meanwhile_is_no_trouble),
		cmocka_unit_test(without_xdp_tc_guards_alone),
		cmocka_unit_test(what_somebody_took_away_is_put_back),
		cmocka_unit_test(another_way_of_attaching_replaces_the_first),
		cmocka_unit_test(programs_of_others_are_noticed),
		cmocka_unit_test(more_to_do_interrupts_a_sync),
		cmocka_unit_test(who_is_missing_in_the_table_is_asked_for),
		cmocka_unit_test(a_node_without_a_primary_interface_says_so),
		cmocka_unit_test(a_branch_that_is_renamed_is_judged_as_before),
		cmocka_unit_test(another_interface_with_its_ifindex_is_another),
		cmocka_unit_test(who_is_gone_is_shut_before_anything_else),
		cmocka_unit_test(what_the_maps_still_have_goes_later),
		cmocka_unit_test(one_that_leaves_is_not_armed_again),
		cmocka_unit_test(what_is_called_otherwise_is_not_armed),
		cmocka_unit_test(what_leaves_the_feed_stays_guarded),
		cmocka_unit_test(the_primary_interface_is_disarmed_for_another),
		cmocka_unit_test(an_interface_with_another_vlan_gives_up_the_first),
		cmocka_unit_test(the_node_s_own_interfaces_are_left_out),
		cmocka_unit_test(what_cannot_be_found_out_is_told_and_arms_all_the_same),
		cmocka_unit_test(what_an_earlier_daemon_guarded_is_taken_over),
		cmocka_unit_test(filters_are_found_without_pins),
		cmocka_unit_test(programs_are_switched_in_place),
		cmocka_unit_test(pins_that_went_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
