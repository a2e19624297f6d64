// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Interfaces of the scripted kernel: links, and filters as libbpf makes them by netlink. */
#include "datapath/clsact.h"
#include "scripted_kernel.h"

#include <dlfcn.h>

#include <bpf/libbpf.h>

#include "test.h"

/* --- interfaces and links --------------------------------------------------- */

static bool is_interface(__u32 ifindex)
{
	for (size_t i = 0; i < kernel.interface_count; i++)
		if (kernel.interfaces[i].ifindex == ifindex)
			return true;
	return false;
}

void script_interface(__u32 ifindex, const char *name)
{
	assert_true(kernel.interface_count < MOST_INTERFACES);
	kernel.interfaces[kernel.interface_count].ifindex = ifindex;
	kernel.interfaces[kernel.interface_count].qdisc = false;
	snprintf(kernel.interfaces[kernel.interface_count].name, IF_NAMESIZE, "%s", name);
	kernel.interface_count++;
}

static void detach(struct object *link)
{
	link->ifindex = 0;
	for (size_t i = 0; i < kernel.chain_count; i++) {
		if (kernel.chain[i] != link->id)
			continue;
		kernel.chain_count--;
		memmove(&kernel.chain[i], &kernel.chain[i + 1],
			(kernel.chain_count - i) * sizeof(*kernel.chain));
		return;
	}
}

/* Links that neither a descriptor nor a pin keeps are gone. */
static void end_links(void)
{
	for (size_t i = kernel.chain_count; i-- > 0;) {
		struct object *link = kernel_object_by_id(kernel.chain[i]);

		if (!kernel_is_held(link))
			detach(link);
	}
}

static void remove_filter(size_t which)
{
	kernel.filter_count--;
	memmove(&kernel.filters[which], &kernel.filters[which + 1],
		(kernel.filter_count - which) * sizeof(*kernel.filters));
}

void script_interface_gone(__u32 ifindex)
{
	for (size_t i = kernel.chain_count; i-- > 0;)
		if (kernel_object_by_id(kernel.chain[i])->ifindex == ifindex)
			detach(kernel_object_by_id(kernel.chain[i]));
	for (size_t i = kernel.filter_count; i-- > 0;)
		if (kernel.filters[i].ifindex == ifindex)
			remove_filter(i);
	for (size_t i = kernel.interface_count; i-- > 0;)
		if (kernel.interfaces[i].ifindex == ifindex)
			kernel.interfaces[i] = kernel.interfaces[--kernel.interface_count];
}

static int make_link(__u32 program, __u32 ifindex, int attach_type)
{
	struct object *link;

	end_links();
	for (size_t i = 0; attach_type == BPF_XDP && i < kernel.chain_count; i++) {
		const struct object *other = kernel_object_by_id(kernel.chain[i]);

		if (other->ifindex == ifindex && other->attach_type == BPF_XDP)
			return kernel_refuse(EBUSY);
	}
	link = kernel_make_object(LINK, "");
	link->program = program;
	link->ifindex = ifindex;
	link->attach_type = attach_type;
	memmove(kernel.chain + 1, kernel.chain, kernel.chain_count * sizeof(*kernel.chain));
	kernel.chain[0] = link->id;
	kernel.chain_count++;
	return kernel_open_object(link);
}

static int create_link(const union bpf_attr *attr)
{
	const struct object *program = kernel_object_of((int)attr->link_create.prog_fd);
	int attach_type = (int)attr->link_create.attach_type;

	if (!program || program->kind != PROGRAM)
		return kernel_refuse(EBADF);
	if (!is_interface(attr->link_create.target_ifindex))
		return kernel_refuse(ENODEV);
	if (kernel.no_tcx && attach_type != BPF_XDP)
		return kernel_refuse(EINVAL);
	return make_link(program->id, attr->link_create.target_ifindex, attach_type);
}

static int update_link(const union bpf_attr *attr)
{
	struct object *link = kernel_object_of((int)attr->link_update.link_fd);
	const struct object *program = kernel_object_of((int)attr->link_update.new_prog_fd);

	if (!link || link->kind != LINK || !program || program->kind != PROGRAM)
		return kernel_refuse(EBADF);
	if (!link->ifindex)
		return kernel_refuse(ENOLINK);
	link->program = program->id;
	return 0;
}

static int detach_link(const union bpf_attr *attr)
{
	struct object *link = kernel_object_of((int)attr->link_detach.link_fd);

	if (!link || link->kind != LINK)
		return kernel_refuse(EBADF);
	detach(link);
	return 0;
}

static int query_programs(union bpf_attr *attr)
{
	__u32 *ids = (void *)(unsigned long)attr->query.prog_ids, count = 0;
	__u32 *links = (void *)(unsigned long)attr->query.link_ids;

	if (kernel.no_tcx)
		return kernel_refuse(EINVAL);
	if (attr->query.target_ifindex != 1 && !is_interface(attr->query.target_ifindex))
		return kernel_refuse(ENODEV);
	end_links();
	for (size_t i = 0; i < kernel.chain_count; i++) {
		const struct object *link = kernel_object_by_id(kernel.chain[i]);

		if (link->ifindex != attr->query.target_ifindex ||
		    link->attach_type != (int)attr->query.attach_type)
			continue;
		if (ids && count < attr->query.prog_cnt)
			ids[count] = link->program;
		if (links && count < attr->query.prog_cnt)
			links[count] = link->id;
		count++;
	}
	attr->query.prog_cnt = count;
	return 0;
}

bool kernel_hook_call(int command, union bpf_attr *attr, long *rc)
{
	switch (command) {
	case BPF_LINK_CREATE:
		*rc = create_link(attr);
		return true;
	case BPF_LINK_UPDATE:
		*rc = update_link(attr);
		return true;
	case BPF_LINK_DETACH:
		*rc = detach_link(attr);
		return true;
	case BPF_PROG_QUERY:
		*rc = query_programs(attr);
		return true;
	default:
		return false;
	}
}

/* --- filters: what libbpf does by netlink ---------------------------------- */

static bool *qdisc_of(__u32 ifindex)
{
	for (size_t i = 0; i < kernel.interface_count; i++)
		if (kernel.interfaces[i].ifindex == ifindex)
			return &kernel.interfaces[i].qdisc;
	return NULL;
}

bool script_has_qdisc(__u32 ifindex)
{
	const bool *qdisc = qdisc_of(ifindex);

	return qdisc && *qdisc;
}

int bpf_tc_hook_create(struct bpf_tc_hook *hook)
{
	bool *qdisc = qdisc_of((__u32)hook->ifindex);

	if (kernel_fails(SCRIPT_MAKE_QDISC))
		return -errno;
	if (!qdisc)
		return -ENODEV;
	if (*qdisc)
		return -EEXIST;
	*qdisc = true;
	return 0;
}

int bpf_tc_hook_destroy(struct bpf_tc_hook *hook)
{
	bool *qdisc = qdisc_of((__u32)hook->ifindex);

	if (kernel_fails(SCRIPT_REMOVE_QDISC))
		return -errno;
	if (!qdisc || !*qdisc)
		return -ENOENT;
	*qdisc = false;
	for (size_t i = kernel.filter_count; i-- > 0;)
		if (kernel.filters[i].ifindex == (__u32)hook->ifindex)
			remove_filter(i);
	return 0;
}

static struct filter *find_filter(const struct bpf_tc_hook *hook, __u32 priority, __u32 handle)
{
	for (size_t i = 0; i < kernel.filter_count; i++) {
		struct filter *filter = &kernel.filters[i];

		if (filter->ifindex == (__u32)hook->ifindex &&
		    filter->point == (int)hook->attach_point && filter->priority == priority &&
		    filter->handle == handle)
			return filter;
	}
	return NULL;
}

/* In front of the others of its priority, as the kernel does it. */
static void insert_filter(const struct filter *filter)
{
	size_t at = 0;

	assert_true(kernel.filter_count < MOST_FILTERS);
	while (at < kernel.filter_count && kernel.filters[at].priority < filter->priority)
		at++;
	memmove(&kernel.filters[at + 1], &kernel.filters[at],
		(kernel.filter_count - at) * sizeof(*filter));
	kernel.filters[at] = *filter;
	kernel.filter_count++;
}

int bpf_tc_attach(const struct bpf_tc_hook *hook, struct bpf_tc_opts *opts)
{
	struct filter *there = find_filter(hook, opts->priority, opts->handle);
	const struct object *program = kernel_object_of(opts->prog_fd);

	if (kernel_fails(SCRIPT_SET_FILTER))
		return -errno;
	if (!program || !script_has_qdisc((__u32)hook->ifindex))
		return program ? -EINVAL : -EBADF;
	if (there && !(opts->flags & BPF_TC_F_REPLACE))
		return -EEXIST;
	if (there) {
		there->program = program->id;
	} else {
		struct filter filter = { (__u32)hook->ifindex, opts->priority, opts->handle,
					 program->id, (int)hook->attach_point };

		insert_filter(&filter);
	}
	opts->prog_id = program->id;
	return 0;
}

int bpf_tc_query(const struct bpf_tc_hook *hook, struct bpf_tc_opts *opts)
{
	const struct filter *there = find_filter(hook, opts->priority, opts->handle);

	if (kernel_fails(SCRIPT_ASK_FILTER))
		return -errno;
	if (!qdisc_of((__u32)hook->ifindex))
		return -ENODEV;
	if (!script_has_qdisc((__u32)hook->ifindex))
		return -EINVAL;
	if (!there)
		return -ENOENT;
	opts->prog_id = there->program;
	return 0;
}

int bpf_tc_detach(const struct bpf_tc_hook *hook, const struct bpf_tc_opts *opts)
{
	const struct filter *there = find_filter(hook, opts->priority, opts->handle);

	if (kernel_fails(SCRIPT_REMOVE_FILTER))
		return -errno;
	if (!there)
		return script_has_qdisc((__u32)hook->ifindex) ? -ENOENT : -EINVAL;
	remove_filter((size_t)(there - kernel.filters));
	return 0;
}

int bpf_xdp_query(int ifindex, int flags, struct bpf_xdp_query_opts *opts)
{
	(void)flags;
	opts->prog_id = 0;
	for (size_t i = 0; i < kernel.chain_count; i++) {
		const struct object *link = kernel_object_by_id(kernel.chain[i]);

		if (link->ifindex == (__u32)ifindex && link->attach_type == BPF_XDP)
			opts->prog_id = link->program;
	}
	return 0;
}

/* --- what tests say and ask ------------------------------------------------- */

static int attach_type_of(enum bg_hook hook)
{
	static const int types[] = { BPF_XDP, BPF_TCX_INGRESS, BPF_TCX_EGRESS };

	return types[hook];
}

/* The link of somebody else is kept by a descriptor of his, which here nobody closes. */
static __u32 attach_other(__u32 ifindex, int attach_type)
{
	const struct object *program = kernel_make_object(PROGRAM, "other");

	assert_true(make_link(program->id, ifindex, attach_type) >= 0);
	return program->id;
}

__u32 script_other_tcx(__u32 ifindex, enum bg_hook hook)
{
	return attach_other(ifindex, attach_type_of(hook));
}

__u32 script_other_xdp(__u32 ifindex)
{
	return attach_other(ifindex, BPF_XDP);
}

__u32 script_other_filter(__u32 ifindex, enum bg_hook hook, __u32 handle)
{
	struct filter filter = { ifindex, 1, handle, kernel_make_object(PROGRAM, "other")->id,
				 hook == BG_HOOK_INGRESS ? BPF_TC_INGRESS : BPF_TC_EGRESS };

	*qdisc_of(ifindex) = true;
	insert_filter(&filter);
	return filter.program;
}

static void tell_hooked(__u32 program, size_t *used)
{
	const struct object *object = kernel_object_by_id(program);

	*used += (size_t)snprintf(kernel.text + *used, sizeof(kernel.text) - *used, "%s%s %u",
				  *used ? ", " : "", object->name, object->id);
}

const char *script_hook(__u32 ifindex, enum bg_hook hook)
{
	int point = hook == BG_HOOK_INGRESS ? BPF_TC_INGRESS : BPF_TC_EGRESS;
	size_t used = 0;

	end_links();
	kernel.text[0] = '\0';
	for (size_t i = 0; i < kernel.chain_count; i++) {
		const struct object *link = kernel_object_by_id(kernel.chain[i]);

		if (link->ifindex == ifindex && link->attach_type == attach_type_of(hook))
			tell_hooked(link->program, &used);
	}
	for (size_t i = 0; i < kernel.filter_count && hook != BG_HOOK_XDP; i++)
		if (kernel.filters[i].ifindex == ifindex && kernel.filters[i].point == point)
			tell_hooked(kernel.filters[i].program, &used);
	return kernel.text;
}

int script_filter_count(__u32 ifindex)
{
	int count = 0;

	for (size_t i = 0; i < kernel.filter_count; i++)
		count += kernel.filters[i].ifindex == ifindex;
	return count;
}

__u32 script_filter_numbers(__u32 ifindex)
{
	__u32 numbers = 0;

	for (size_t i = 0; i < kernel.filter_count; i++)
		if (kernel.filters[i].ifindex == ifindex &&
		    bg_filter_number(kernel.filters[i].handle) >= 0)
			numbers |= 1u << bg_filter_number(kernel.filters[i].handle);
	return numbers;
}

char *if_indextoname(unsigned int ifindex, char name[IF_NAMESIZE])
{
	char *(*next)(unsigned int, char *) = dlsym(RTLD_NEXT, "if_indextoname");

	if (!kernel.on)
		return next(ifindex, name);
	for (size_t i = 0; i < kernel.interface_count; i++)
		if (kernel.interfaces[i].ifindex == ifindex)
			return memcpy(name, kernel.interfaces[i].name, IF_NAMESIZE);
	errno = ENXIO;
	return NULL;
}
