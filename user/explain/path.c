// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Which interfaces a packet meets on this node, and what the program on each says. Called
 * by `explain --from --to`; it judges nothing, and does not look at the node's routes.
 */
#include "explain/path.h"

#include <errno.h>
#include <string.h>

#include "base/ip.h"
#include "base/names.h"

/* One end of a path while it is looked up. */
struct end {
	const char *text; /* as the user gave it */
	bool has_addr;
	struct bg_addr addr;
	bool is_node;
	const struct bg_model_pod *pod;
	const struct bg_model_branch *branch;
};

static bool pod_has(const struct bg_model_pod *pod, const struct bg_addr *addr)
{
	for (size_t i = 0; i < pod->address_count; i++)
		if (!memcmp(&pod->addresses[i], addr, sizeof(*addr)))
			return true;
	return false;
}

/* "shop/cart-0", or "cart-0". */
static bool pod_is_called(const struct bg_model_pod *pod, const char *text)
{
	size_t space = strlen(pod->namespace);

	if (!strcmp(pod->name, text))
		return *text;
	return !strncmp(pod->namespace, text, space) && text[space] == '/' &&
	       !strcmp(pod->name, text + space + 1);
}

static int find_pod(const struct bg_model *model, struct end *end, struct bg_error *err)
{
	for (size_t i = 0; i < model->branch_count; i++) {
		const struct bg_model_branch *branch = &model->branches[i];

		for (size_t j = 0; j < branch->pod_count; j++) {
			const struct bg_model_pod *pod = &branch->pods[j];

			if (end->has_addr ? !pod_has(pod, &end->addr)
					  : !pod_is_called(pod, end->text))
				continue;
			if (end->pod)
				return bg_fail(
					err, -EINVAL,
					"'%.80s' could be %s/%s or %s/%s: name the namespace "
					"too",
					end->text, end->pod->namespace, end->pod->name,
					pod->namespace, pod->name);
			end->pod = pod;
			end->branch = branch;
		}
	}
	return 0;
}

static int find_end(const struct bg_model *model, struct end *end, struct bg_error *err)
{
	struct bg_addr mapped;
	int rc;

	end->has_addr = !bg_addr_parse(end->text, &end->addr);
	end->is_node = !strcmp(end->text, "node");
	for (size_t i = 0; end->has_addr && i < model->node.address_count; i++)
		if (!memcmp(&model->node.addresses[i], &end->addr, sizeof(end->addr)))
			end->is_node = true;
	if (end->is_node)
		return 0;
	rc = find_pod(model, end, err);
	if (rc)
		return rc;
	if (!end->pod && !end->has_addr && bg_addr_is_mapped(end->text, &mapped))
		return bg_fail(err, -EINVAL, "'%.80s': expected %s", end->text,
			       bg_addr_expected(end->text, (char[BG_ADDR_EXPECTED]){ 0 }));
	if (!end->pod && !end->has_addr)
		return bg_fail(err, -ENOENT,
			       "'%.80s' is no pod of the feed, no address and not \"node\"",
			       end->text);
	return 0;
}

/* The addresses that an end may speak with. */
static const struct bg_addr *addresses_of(const struct bg_model *model, const struct end *end,
					  size_t *count)
{
	if (end->has_addr) {
		*count = 1;
		return &end->addr;
	}
	*count = end->is_node ? model->node.address_count : end->pod->address_count;
	return end->is_node ? model->node.addresses : end->pod->addresses;
}

/* The first pair of the same family; IPv4 if both ends have both. */
static int choose_addresses(const struct bg_model *model, struct end *from, struct end *to,
			    struct bg_error *err)
{
	size_t from_count, to_count;
	const struct bg_addr *froms = addresses_of(model, from, &from_count);
	const struct bg_addr *tos = addresses_of(model, to, &to_count);

	for (int v4 = 1; v4 >= 0; v4--) {
		for (size_t i = 0; i < from_count; i++) {
			for (size_t j = 0; j < to_count; j++) {
				if (bg_addr_is_v4(&froms[i]) != v4 || bg_addr_is_v4(&tos[j]) != v4)
					continue;
				from->addr = froms[i];
				to->addr = tos[j];
				return 0;
			}
		}
	}
	return bg_fail(err, -EINVAL, "%.80s and %.80s have no addresses of one family", from->text,
		       to->text);
}

static bool any_has(const struct bg_prefix *prefixes, size_t count, const struct bg_addr *addr)
{
	for (size_t i = 0; i < count; i++)
		if (bg_prefix_has(&prefixes[i], addr))
			return true;
	return false;
}

static bool is_local_service(const struct bg_model_node *node, const struct bg_addr *addr)
{
	for (size_t i = 0; i < node->local_service_count; i++)
		if (!memcmp(&node->local_services[i].address, addr, sizeof(*addr)))
			return true;
	return false;
}

static int check_ends(const struct bg_path *path, struct bg_error *err)
{
	const struct bg_model_node *node = &path->model->node;
	char text[BG_IP_TEXT];

	if (!path->from_pod && !path->to_pod)
		return bg_fail(err, -EINVAL, "neither end is a pod of the feed: nothing judges it");
	if (path->from_pod == path->to_pod)
		return bg_fail(err, -EINVAL,
			       "both ends are the same pod: the packet does not leave it");
	if (!path->to_pod && !is_local_service(node, &path->to) &&
	    any_has(node->service_cidrs, node->service_cidr_count, &path->to))
		return bg_fail(err, -EINVAL,
			       "%s is a service address: the branch judges packets after DNAT, by "
			       "the address of a backend; ask for one of the backends",
			       bg_addr_format(&path->to, text));
	return 0;
}

static int resolve(struct bg_path *path, struct bg_error *err)
{
	struct end from = { .text = path->from_name }, to = { .text = path->to_name };
	const struct bg_model *model = path->model;
	int rc;

	rc = find_end(model, &from, err) ?:
	     find_end(model, &to, err) ?:
	     choose_addresses(model, &from, &to, err);
	if (rc)
		return rc;
	path->from = from.addr;
	path->to = to.addr;
	path->from_pod = from.pod;
	path->to_pod = to.pod;
	path->from_branch = from.branch;
	path->to_branch = to.branch;
	path->from_node = from.is_node;
	path->to_node = to.is_node;
	return check_ends(path, err);
}

/*
 * --- routing, as the CNI sets it up ---
 * Predicted here; bpf/standard.h is what judges by it. Neither reads the other.
 */

static bool is_standard(const struct bg_model_branch *branch)
{
	return branch && branch->mode == BG_STANDARD;
}

/* Does it take the node's own routes, on which no interface filters? */
static bool is_direct(const struct bg_path *path)
{
	if (path->from_node)
		return is_standard(path->to_branch);
	return is_standard(path->from_branch) && (path->to_node || is_standard(path->to_branch) ||
						  is_local_service(&path->model->node, &path->to));
}

/* A standard pod's IPv4 packet that leaves the VPC, with the node's address. What this
 * predicts, the function of the same name in bpf/standard.h finds out from a packet. */
static bool leaves_by_primary(const struct bg_path *path)
{
	const struct bg_model_node *node = &path->model->node;

	return is_standard(path->from_branch) && !path->to_pod && bg_addr_is_v4(&path->to) &&
	       !node->external_snat && !any_has(node->vpc_cidrs, node->vpc_cidr_count, &path->to) &&
	       !any_has(node->exclude_snat_cidrs, node->exclude_snat_cidr_count, &path->to);
}

static bool may_be_local_service(const struct bg_path *path)
{
	return path->from_pod && !is_standard(path->from_branch) &&
	       is_local_service(&path->model->node, &path->to);
}

static bool may_be_probe(const struct bg_path *path)
{
	return path->from_node && path->to_pod && !is_standard(path->to_branch);
}

static unsigned int programs_for(const struct bg_path *path)
{
	unsigned int programs = 0;

	if (is_direct(path))
		return 0;
	if (may_be_local_service(path))
		programs |= BG_EXPLAIN_BIT(BG_EXPLAIN_POD_EGRESS);
	if (leaves_by_primary(path))
		programs |= BG_EXPLAIN_BIT(BG_EXPLAIN_POD_EGRESS) |
			    BG_EXPLAIN_BIT(BG_EXPLAIN_SNAT_EGRESS);
	else if (path->from_pod)
		programs |= BG_EXPLAIN_BIT(BG_EXPLAIN_BRANCH_EGRESS);
	if (may_be_probe(path))
		programs |= BG_EXPLAIN_BIT(BG_EXPLAIN_NODE_EGRESS);
	if (path->to_pod)
		programs |= BG_EXPLAIN_BIT(BG_EXPLAIN_BRANCH_INGRESS);
	return programs;
}

/* --- asking ------------------------------------------------------------------ */

static struct bg_path_step *next_step(struct bg_path *path, enum bg_direction direction)
{
	struct bg_path_step *step = &path->steps[path->step_count];

	memset(step, 0, sizeof(*step));
	step->side.question = path->question;
	step->side.question.direction = direction;
	step->side.question.has_local = true;
	step->side.question.local = direction == BG_EGRESS ? path->from : path->to;
	step->side.question.remote = direction == BG_EGRESS ? path->to : path->from;
	return step;
}

static void add_step(struct bg_path *path, struct bg_path_step *step, const char *interface)
{
	step->interface = interface;
	path->allowed &= step->side.answer.allowed;
	path->step_count++;
}

/* Asks one program; adds a step unless the program leaves the packet to others. */
static int ask(struct bg_path *path, enum bg_explain_program program, enum bg_direction direction,
	       const char *interface, struct bg_error *err)
{
	const struct bg_model_branch *branch = direction == BG_EGRESS ? path->from_branch
								      : path->to_branch;
	struct bg_path_step *step = next_step(path, direction);
	struct bg_side *side = &step->side;
	int rc;

	side->end.branch = bg_explain_by_id(path->explainer, branch->id);
	if (!side->end.branch)
		return bg_fail(err, -ENOENT, "branch %s of the feed is not in force", branch->id);
	rc = bg_explain_at(path->explainer, program, side->end.branch, &side->question,
			   &side->answer, err);
	if (rc || side->answer.reason == BG_REASON_NONE)
		return rc;
	side->judged = true;
	side->judge = path->explainer;
	step->enforced = true;
	step->program = program;
	add_step(path, step, interface);
	return 0;
}

/* The end that is no pod of this node, if the feed knows the interface that has it. */
static int ask_elsewhere(struct bg_path *path, enum bg_direction direction, struct bg_error *err)
{
	struct bg_path_step *step = next_step(path, direction);
	struct bg_side *side = &step->side;
	const struct bg_explain_branch *near;
	int rc;

	side->end = bg_ends_find(path->ends, &side->question.local);
	if (!side->end.interface)
		return 0;
	if (direction == BG_INGRESS) {
		struct bg_question sent = side->question;

		near = bg_explain_by_id(path->explainer, path->from_branch->id);
		sent.direction = BG_EGRESS;
		sent.local = path->from;
		sent.remote = path->to;
		side->question.remote = *bg_ends_seen_as(path->ends, near, &sent);
	}
	rc = bg_ends_judge(path->ends, side, err);
	if (rc)
		return rc;
	step->program = direction == BG_INGRESS ? BG_EXPLAIN_BRANCH_INGRESS
						: BG_EXPLAIN_BRANCH_EGRESS;
	if (side->judged)
		add_step(path, step, side->end.interface->id);
	else if (side->unstated)
		snprintf(path->unknown, sizeof(path->unknown),
			 "%s is not judged: the feed does not have the %s rules of its group %s",
			 side->end.interface->id, bg_direction_name(direction), side->unstated);
	return 0;
}

static const char *primary_name(const struct bg_path *path)
{
	const char *name = path->model->node.primary_interface;

	return *name ? name : "primary";
}

static int ask_source(struct bg_path *path, bool *delivered, struct bg_error *err)
{
	const char *veth = path->from_pod->host_interface;
	int rc;

	if (leaves_by_primary(path)) {
		snprintf(path->between, sizeof(path->between),
			 "leaves by %s, source-NATed to the node's address", primary_name(path));
		rc = ask(path, BG_EXPLAIN_POD_EGRESS, BG_EGRESS, veth, err);
		if (rc || !path->allowed)
			return rc;
		return ask(path, BG_EXPLAIN_SNAT_EGRESS, BG_EGRESS, primary_name(path), err);
	}
	if (may_be_local_service(path)) {
		rc = ask(path, BG_EXPLAIN_POD_EGRESS, BG_EGRESS, veth, err);
		*delivered = path->step_count;
		if (*delivered)
			snprintf(path->between, sizeof(path->between), "delivered on the node");
		if (rc || *delivered)
			return rc;
	}
	return ask(path, BG_EXPLAIN_BRANCH_EGRESS, BG_EGRESS, path->from_branch->interface, err);
}

static int ask_destination(struct bg_path *path, struct bg_error *err)
{
	int rc;

	if (may_be_probe(path)) {
		rc = ask(path, BG_EXPLAIN_NODE_EGRESS, BG_INGRESS, primary_name(path), err);
		if (path->step_count)
			snprintf(path->between, sizeof(path->between),
				 "a declared probe, if the node itself sends it: from %s straight "
				 "to %s",
				 primary_name(path), path->to_pod->host_interface);
		if (rc || path->step_count)
			return rc;
	}
	snprintf(path->between, sizeof(path->between), "by the fabric to %s",
		 path->to_branch->interface);
	rc = path->from_pod ? 0 : ask_elsewhere(path, BG_EGRESS, err);
	if (rc)
		return rc;
	return ask(path, BG_EXPLAIN_BRANCH_INGRESS, BG_INGRESS, path->to_branch->interface, err);
}

static int open_programs(struct bg_model *model, const char *pin_dir, unsigned int programs,
			 enum bg_ends_asked asked, struct bg_explainer **explainer,
			 struct bg_ends **ends, struct bg_error *err)
{
	int rc = pin_dir ? bg_explainer_open_live(pin_dir, programs, explainer, err)
			 : bg_explainer_open(model, programs, explainer, err);

	return rc ? rc : bg_ends_open(*explainer, model, asked, ends, err);
}

int bg_path_open_all(struct bg_model *model, const char *pin_dir, struct bg_explainer **explainer,
		     struct bg_ends **ends, struct bg_error *err)
{
	const unsigned int programs =
		BG_EXPLAIN_BIT(BG_EXPLAIN_BRANCH_INGRESS) |
		BG_EXPLAIN_BIT(BG_EXPLAIN_BRANCH_EGRESS) | BG_EXPLAIN_BIT(BG_EXPLAIN_POD_EGRESS) |
		BG_EXPLAIN_BIT(BG_EXPLAIN_NODE_EGRESS) | BG_EXPLAIN_BIT(BG_EXPLAIN_SNAT_EGRESS);

	return open_programs(model, pin_dir, programs, BG_ENDS_MANY, explainer, ends, err);
}

static int open_path(struct bg_path *path, struct bg_error *err)
{
	if (!path->shared_explainer)
		return open_programs(path->model, path->pin_dir, programs_for(path), BG_ENDS_FEW,
				     &path->explainer, &path->ends, err);
	path->explainer = path->shared_explainer;
	path->ends = path->shared_ends;
	return 0;
}

int bg_explain_path(struct bg_path *path, struct bg_error *err)
{
	bool delivered = false;
	int rc;

	path->allowed = true;
	rc = resolve(path, err);
	if (rc)
		return rc;
	path->question.remote = path->to;
	rc = bg_question_check(&path->question, path->words, err) ?: open_path(path, err);
	if (rc)
		return rc;
	if (is_direct(path)) {
		snprintf(path->between, sizeof(path->between),
			 "direct, by the node's own routes: not filtered");
		return 0;
	}
	if (path->from_pod) {
		rc = ask_source(path, &delivered, err);
		if (rc)
			return rc;
	}
	if (delivered)
		return 0;
	return path->to_pod ? ask_destination(path, err) : ask_elsewhere(path, BG_INGRESS, err);
}

void bg_path_release(struct bg_path *path)
{
	if (!path->shared_explainer) {
		bg_ends_close(path->ends);
		bg_explainer_close(path->explainer);
	}
	path->ends = NULL;
	path->explainer = NULL;
}
