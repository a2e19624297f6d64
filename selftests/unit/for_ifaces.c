// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A node, and a kernel that attaches, for the tests test_ifaces_*.c alone. */
#include "for_ifaces.h"

#include <net/if.h>

#include "base/grow.h"
#include "guard/routes.h"
#include "model_maker.h"

const struct script_link links[LINKS] = {
	{ .ifindex = LO, .name = "lo", .flags = IFF_LOOPBACK },
	{ .ifindex = PRIMARY, .name = "eth0" },
	{ .ifindex = TRUNK, .name = "eth1" },
	{ .ifindex = BRANCH, .name = "vlan.eth.9", .kind = "vlan", .vlan = 9, .lower = TRUNK },
	{ .ifindex = POD, .name = STRICT_VETH, .kind = "veth", .lower = 2, .netnsid = 1 },
};

/* --- a kernel that attaches ------------------------------------------------ */

struct attaching hooks;
char logged[8192];

bool has_logged(const char *text)
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

bool vlan_is_armed(__u32 vlan)
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
	int error = is_xdp ? hooks.xdp_error : hooks.attach_error;

	*made_qdisc = hooks.makes_qdisc;
	hooks.natively += is_xdp && context->native_xdp;
	if (error)
		return bg_fail(err, -error, "the kernel says no");
	attachment->by = is_xdp ? BG_ATTACH_XDP : context->tcx ? BG_ATTACH_TCX : BG_ATTACH_CLSACT;
	attachment->link_fd = -1;
	hooks.there[attachment->ifindex][attachment->program] = true;
	assert_true(hooks.attached < 32);
	hooks.order[hooks.attached].ifindex = attachment->ifindex;
	hooks.order[hooks.attached].program = attachment->program;
	hooks.order[hooks.attached++].vlan_armed = vlan_is_armed(9);
	return 0;
}

enum bg_attach_state __wrap_bg_attach_look(const struct bg_attachment *attachment);
enum bg_attach_state __wrap_bg_attach_look(const struct bg_attachment *attachment)
{
	if (attachment->by == BG_ATTACH_NONE ||
	    !hooks.there[attachment->ifindex][attachment->program])
		return BG_ATTACH_GONE;
	return hooks.moved[attachment->ifindex] ? BG_ATTACH_ELSEWHERE : BG_ATTACH_RUNS;
}

int __wrap_bg_detach(const char *pin_dir, struct bg_attachment *attachment, struct bg_error *err);
int __wrap_bg_detach(const char *pin_dir, struct bg_attachment *attachment, struct bg_error *err)
{
	(void)pin_dir;
	if (hooks.detach_error && attachment->by != BG_ATTACH_NONE)
		return bg_fail(err, -hooks.detach_error, "the kernel keeps it");
	hooks.detached += attachment->by != BG_ATTACH_NONE;
	hooks.vlan_armed_then |= attachment->by != BG_ATTACH_NONE && vlan_is_armed(9);
	attachment->by = BG_ATTACH_NONE;
	return 0;
}

void __wrap_bg_attach_forget(const char *pin_dir, struct bg_attachment *attachment);
void __wrap_bg_attach_forget(const char *pin_dir, struct bg_attachment *attachment)
{
	(void)pin_dir;
	hooks.forgotten++;
	hooks.vlan_armed_then |= vlan_is_armed(9);
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
	if (!hooks.there[attachment->ifindex][attachment->program])
		return bg_fail(err, -ENOLINK, "it is not there");
	if (hooks.replace_error)
		return bg_fail(err, -hooks.replace_error, "the kernel keeps the old one");
	hooks.replaced++;
	return 0;
}

int __wrap_bg_attach_to_front(const struct bg_attach_context *context,
			      struct bg_attachment *attachment, struct bg_error *err);
int __wrap_bg_attach_to_front(const struct bg_attach_context *context,
			      struct bg_attachment *attachment, struct bg_error *err)
{
	(void)context;
	hooks.fronts++;
	attachment->outdated |= hooks.stands_in;
	return hooks.front_error ? bg_fail(err, -hooks.front_error, "it cannot be moved") : 0;
}

bool __wrap_bg_attach_is_behind(const struct bg_attachment ours[BG_PROGRAMS],
				enum bg_program program, __u32 first_filter);
bool __wrap_bg_attach_is_behind(const struct bg_attachment ours[BG_PROGRAMS],
				enum bg_program program, __u32 first_filter)
{
	(void)first_filter;
	return hooks.behind && ours[program].by != BG_ATTACH_NONE;
}

bool __wrap_bg_attach_is_shared(const struct bg_attachment ours[BG_PROGRAMS],
				enum bg_program program, int filters);
bool __wrap_bg_attach_is_shared(const struct bg_attachment ours[BG_PROGRAMS],
				enum bg_program program, int filters)
{
	(void)ours;
	(void)program;
	(void)filters;
	return hooks.shared;
}

bool __wrap_bg_interface_is_here(__u32 ifindex);
bool __wrap_bg_interface_is_here(__u32 ifindex)
{
	return hooks.is_here[ifindex];
}

bool __wrap_bg_interface_is_called(__u32 ifindex, const char *name);
bool __wrap_bg_interface_is_called(__u32 ifindex, const char *name)
{
	return !hooks.is_called[ifindex] || !strcmp(hooks.is_called[ifindex], name);
}

int __wrap_bg_attach_adopt(const char *pin_dir,
			   void (*each)(struct bg_attachment *attachment, void *context),
			   void *context, struct bg_error *err);
int __wrap_bg_attach_adopt(const char *pin_dir,
			   void (*each)(struct bg_attachment *attachment, void *context),
			   void *context, struct bg_error *err)
{
	(void)pin_dir;
	if (hooks.adopt_error)
		return bg_fail(err, -hooks.adopt_error, "the pins cannot be read");
	for (size_t i = 0; i < hooks.pinned_count; i++)
		each(&hooks.pinned[i], context);
	return 0;
}

int __wrap_bg_attach_find_filter(enum bg_program program, __u32 ifindex,
				 struct bg_attachment *attachment);
int __wrap_bg_attach_find_filter(enum bg_program program, __u32 ifindex,
				 struct bg_attachment *attachment)
{
	if (hooks.filter_error)
		return -hooks.filter_error;
	if (!hooks.filter_on || ifindex != hooks.filter_on || !hooks.there[ifindex][program])
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
	return hooks.pin_error ? bg_fail(err, -hooks.pin_error, "no pin") : 1;
}

int __wrap_bg_program_fd(const struct branchguard_bpf *skel, enum bg_program program);
int __wrap_bg_program_fd(const struct branchguard_bpf *skel, enum bg_program program)
{
	(void)skel;
	return hooks.no_xdp_program && bg_program_hook(program) == BG_HOOK_XDP ? -1 : 100;
}

int __wrap_bg_netdev_filters(struct bg_netdevs *netdevs, __u32 ifindex, struct bg_filters *filters);
int __wrap_bg_netdev_filters(struct bg_netdevs *netdevs, __u32 ifindex, struct bg_filters *filters)
{
	(void)netdevs;
	*filters = (struct bg_filters){ .count = hooks.filter_on && ifindex == hooks.filter_on };
	for (int program = 0; filters->count && program < BG_PROGRAMS; program++)
		if (hooks.there[ifindex][program])
			filters->numbers |= BG_PROGRAM_BIT(program);
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
	if (hooks.routes_error)
		return bg_fail(err, -hooks.routes_error, "no routes");
	*primary = PRIMARY;
	return 0;
}

int __wrap_bg_netdevs_routing(struct bg_netdevs *netdevs, struct bg_routing *routing);
int __wrap_bg_netdevs_routing(struct bg_netdevs *netdevs, struct bg_routing *routing)
{
	struct bg_routing_rule *rule;
	struct bg_host_route *host;

	(void)netdevs;
	*routing = (struct bg_routing){};
	if (hooks.routing_error || !hooks.routed)
		return -hooks.routing_error;
	rule = BG_GROW(routing->rules, routing->rule_count);
	host = BG_GROW(routing->hosts, routing->host_count);
	assert_true(rule && host);
	rule->table = BG_BRANCH_TABLE_BASE + 9;
	rule->from = host->to = maker_addr(hooks.routed);
	host->ifindex = POD;
	return 0;
}

/* --- a node ---------------------------------------------------------------- */

void set_name(char name[16], const char *text)
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

struct node node_with(enum bg_xdp_choice xdp, bool tcx)
{
	const struct bg_ifaces_options options = { .pin_dir = "/pins", .xdp = xdp, .tcx = tcx };
	const struct bg_branch_info info = { .id = "eni-9" };
	const __u32 vlan = 9;
	struct node node = { .datapath = script_datapath(),
			     .netdevs = script_netdevs(links, LINKS),
			     .model = feed() };

	memset(&hooks, 0, sizeof(hooks));
	logged[0] = '\0';
	script_put("branches", &vlan, &info);
	node.ifaces = bg_ifaces_new(&options, node.netdevs);
	assert_non_null(node.ifaces);
	return node;
}

void end_node(struct node *node)
{
	bg_ifaces_free(node->ifaces);
	bg_model_free(node->model);
	bg_netdevs_close(node->netdevs);
}

int sync_node(struct node *node)
{
	return bg_ifaces_sync(node->ifaces, node->datapath, node->model, &node->err);
}

const struct bg_guard *guard(const struct node *node, __u32 ifindex)
{
	return bg_guard_find(node->ifaces, ifindex);
}

void table_changes(struct node *node, __u32 ifindex, const char *name)
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

unsigned int armed_at(__u32 vlan)
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

unsigned int troubles(const struct node *node, unsigned int *open)
{
	unsigned int counts[2] = {};

	bg_ifaces_troubles(node->ifaces, count_trouble, counts);
	*open = counts[1];
	return counts[0] + counts[1];
}
