// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Each part of the model has one function here, which writes it or reads it: so the two
 * cannot differ, and what a field may be is checked both ways. The parser's process calls
 * it to write, the daemon to read. What is wrong is kept, and the rest is passed over.
 */
#include "feed/wire.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/grow.h"
#include "feed/reading.h"
#include "protocol.h"

/* One function a part both reads and writes; the analyzer takes what is read for what is
 * written, and the ranges that are checked for unknown. */
/* NOLINTBEGIN(clang-analyzer-core.*,clang-analyzer-optin.core.EnumCastOutOfRange) */

#define MAGIC 0x3172657773416742ull

/* A field that is added to the model must be added here, too, unless it is none of the
 * parser's for the daemon: the numbers of the registry, ifindexes, since when something is
 * kept, interfaces and accounts one by one, and what only `check` asks for. */
BG_ASSERT_SIZE(struct bg_model, 368);
BG_ASSERT_SIZE(struct bg_model_node, 200);
BG_ASSERT_SIZE(struct bg_group, 48);
BG_ASSERT_SIZE(struct bg_model_rule, 56);
BG_ASSERT_SIZE(struct bg_set, 40);
BG_ASSERT_SIZE(struct bg_model_branch, 128);
BG_ASSERT_SIZE(struct bg_model_pod, 72);
BG_ASSERT_SIZE(struct bg_claim, 40);
BG_ASSERT_SIZE(struct bg_problem, 24);

struct wire {
	bool writes;
	unsigned char *bytes; /* written: grows; read: only looked at */
	size_t at, room;      /* read: room is the length */
	int rc;		      /* of the first thing that went wrong */
	const char *wrong;
};

/* --- bytes ----------------------------------------------------------------- */

static void fails(struct wire *wire, int rc, const char *what)
{
	if (wire->rc)
		return;
	wire->rc = rc;
	wire->wrong = what;
}

static void must(struct wire *wire, bool condition, const char *what)
{
	if (!condition)
		fails(wire, wire->writes ? -EINVAL : -EPROTO, what);
}

static void raw(struct wire *wire, void *data, size_t length)
{
	if (wire->rc || !length)
		return;
	if (wire->writes) {
		if (BG_RESERVE(wire->bytes, wire->room, wire->at + length)) {
			fails(wire, -ENOMEM, "room");
			return;
		}
		memcpy(wire->bytes + wire->at, data, length);
	} else {
		if (wire->room - wire->at < length) {
			fails(wire, -EPROTO, "the end");
			return;
		}
		memcpy(data, wire->bytes + wire->at, length);
	}
	wire->at += length;
}

static __u64 number(struct wire *wire, __u64 value, __u64 least, __u64 most, const char *what)
{
	raw(wire, &value, sizeof(value));
	must(wire, value >= least && value <= most, what);
	return wire->rc ? least : value;
}

static int integer(struct wire *wire, int value, int least, int most, const char *what)
{
	raw(wire, &value, sizeof(value));
	must(wire, value >= least && value <= most, what);
	return wire->rc ? least : value;
}

static void flag(struct wire *wire, bool *value, const char *what)
{
	*value = integer(wire, *value, 0, 1, what) == 1;
}

/*
 * How many entries an array has, and when it is read, room for them: as BG_GROW would
 * have made it, and zeroed. An entry takes `least_bytes` at least, which limits how many
 * there can be; the count is stored only when the array is there.
 */
static void array(struct wire *wire, void **entries, size_t *count, size_t entry_bytes,
		  size_t least_bytes, const char *what)
{
	size_t room = 1, counted;

	counted = number(wire, *count, 0, SIZE_MAX, what);
	if (wire->rc || wire->writes)
		return;
	must(wire, counted <= (wire->room - wire->at) / least_bytes, what);
	if (wire->rc || !counted)
		return;
	while (room < counted)
		room *= 2;
	*entries = calloc(room, entry_bytes);
	if (*entries)
		*count = counted;
	else
		fails(wire, -ENOMEM, what);
}

#define ARRAY(wire, entries, count, least_bytes)                                                   \
	array((wire), (void **)&(entries), &(count), sizeof(*(entries)), (least_bytes), #entries)

/* --- texts ----------------------------------------------------------------- */

/* Bytes of the character of UTF-8 at `text`, in its shortest form; 0 = there is none. */
static size_t character(const unsigned char *text, size_t left)
{
	static const struct {
		unsigned char mask, lead;
		__u32 least;
	} forms[] = { { 0x80, 0x00, 0 },
		      { 0xe0, 0xc0, 0x80 },
		      { 0xf0, 0xe0, 0x800 },
		      { 0xf8, 0xf0, 0x10000 } };

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		__u32 code = text[0] & (unsigned char)~forms[i].mask;

		if ((text[0] & forms[i].mask) != forms[i].lead)
			continue;
		if (i >= left)
			return 0;
		for (size_t k = 1; k <= i; k++) {
			if ((text[k] & 0xc0) != 0x80)
				return 0;
			code = code << 6 | (text[k] & 0x3f);
		}
		return code >= forms[i].least && code <= 0x10ffff ? i + 1 : 0;
	}
	return 0;
}

static bool is_text(const char *bytes, size_t length)
{
	for (size_t i = 0, step; i < length; i += step) {
		step = bytes[i] ? character((const unsigned char *)bytes + i, length - i) : 0;
		if (!step)
			return false;
	}
	return true;
}

static void text(struct wire *wire, char **value, const char *what)
{
	__u64 length = *value ? strlen(*value) : 0;

	raw(wire, &length, sizeof(length));
	if (!wire->writes) {
		must(wire, length <= wire->room - wire->at, what);
		if (wire->rc)
			return;
		*value = calloc(1, length + 1);
		if (!*value) {
			fails(wire, -ENOMEM, what);
			return;
		}
	}
	must(wire, *value, what);
	if (wire->rc)
		return;
	raw(wire, *value, length);
	must(wire, is_text(*value, length), what);
}

/* A text of the document, as the parser takes it: so long, and nothing that ends lines or drives
 * a terminal. */
static void words(struct wire *wire, char **value, size_t least, size_t most, const char *what)
{
	text(wire, value, what);
	for (size_t i = 0; !wire->rc && (*value)[i]; i++)
		must(wire, (unsigned char)(*value)[i] >= ' ' && (*value)[i] != 0x7f, what);
	must(wire, wire->rc || (strlen(*value) >= least && strlen(*value) <= most), what);
}

static void words_or_none(struct wire *wire, char **value, const char *what)
{
	bool there = *value;

	flag(wire, &there, what);
	if (there)
		words(wire, value, 0, BG_TEXT_BYTES, what);
}

/* The name of an interface: 15 bytes and their end. It becomes a part of pins' names. */
static void interface(struct wire *wire, char name[16], bool may_lack, const char *what)
{
	size_t length;

	raw(wire, name, 16);
	length = strnlen(name, 16);
	must(wire,
	     (!length && may_lack) ||
		     (length < 16 && bg_feed_name_is_valid((struct bg_text){ name, length })),
	     what);
	for (size_t i = length; i < 16; i++)
		must(wire, !name[i], what);
}

/* --- what is in many places -------------------------------------------------- */

static void addresses(struct wire *wire, struct bg_addr **list, size_t *count)
{
	array(wire, (void **)list, count, sizeof(**list), sizeof(**list), "addresses");
	raw(wire, *list, *count * sizeof(**list));
}

/* No bits behind the length. */
static bool is_tidy(const struct bg_prefix *prefix)
{
	if (prefix->length > 128)
		return false;
	for (size_t bit = prefix->length; bit < 128; bit++) {
		if (bit % 8 == 0) {
			if (prefix->addr.byte[bit / 8])
				return false;
			bit += 7;
		} else if (prefix->addr.byte[bit / 8] & (0x80 >> bit % 8)) {
			return false;
		}
	}
	return true;
}

static void prefixes(struct wire *wire, struct bg_prefix **list, size_t *count, bool sorted)
{
	array(wire, (void **)list, count, sizeof(**list), sizeof(**list), "prefixes");
	raw(wire, *list, *count * sizeof(**list));
	for (size_t i = 0; i < *count && !wire->rc; i++) {
		must(wire, is_tidy(&(*list)[i]), "a prefix");
		must(wire, !sorted || !i || bg_prefix_compare(&(*list)[i - 1], &(*list)[i]) < 0,
		     "the order of prefixes");
	}
}

/* Indices of groups, ascending, none twice. */
static void group_list(struct wire *wire, size_t **list, size_t *count, size_t groups)
{
	array(wire, (void **)list, count, sizeof(**list), sizeof(__u64), "groups");
	for (size_t i = 0; i < *count && !wire->rc; i++) {
		(*list)[i] = number(wire, (*list)[i], 0, groups - 1, "a group");
		must(wire, groups && (!i || (*list)[i] > (*list)[i - 1]), "the order of groups");
	}
}

static void timeouts(struct wire *wire, struct bg_timeouts *timeouts)
{
	__u32 *value = (__u32 *)timeouts;

	for (size_t i = 0; i < sizeof(*timeouts) / sizeof(*value); i++)
		value[i] = integer(wire, (int)value[i], 0, BG_MAX_TIMEOUT_S, "a time-out");
}

/* --- parts of the model ------------------------------------------------------ */

static void groups(struct wire *wire, struct bg_model *model)
{
	ARRAY(wire, model->groups, model->group_count, sizeof(__u64));
	for (size_t i = 0; i < model->group_count && !wire->rc; i++) {
		struct bg_group *group = &model->groups[i];

		words(wire, &group->id, 1, BG_ID_BYTES, "a group's id");
		words_or_none(wire, &group->name, "a group's name");
		group->first_rule = number(wire, group->first_rule, 0, SIZE_MAX, "a group's rules");
		group->rule_count = number(wire, group->rule_count, 0, SIZE_MAX, "a group's rules");
		flag(wire, &group->known, "a group");
		flag(wire, &group->defined, "a group");
		flag(wire, &group->stated[BG_INGRESS], "a group");
		flag(wire, &group->stated[BG_EGRESS], "a group");
	}
}

static void service(struct wire *wire, struct bg_model_rule *rule)
{
	rule->protocol = integer(wire, rule->protocol, -1, 255, "a rule's protocol");
	rule->from_port = integer(wire, rule->from_port, -1, 65535, "a rule's ports");
	rule->to_port = integer(wire, rule->to_port, -1, 65535, "a rule's ports");
	switch (rule->protocol) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
		must(wire, rule->from_port >= 0 && rule->from_port <= rule->to_port,
		     "a rule's ports");
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		must(wire,
		     rule->from_port <= 255 && rule->to_port <= 255 &&
			     (rule->from_port >= 0 || rule->to_port < 0),
		     "a rule's type");
		break;
	default:
		must(wire, !rule->from_port && rule->to_port == 65535, "a rule's ports");
	}
}

static void rules(struct wire *wire, struct bg_model *model)
{
	ARRAY(wire, model->rules, model->rule_count, sizeof(__u64));
	for (size_t i = 0; i < model->rule_count && !wire->rc; i++) {
		struct bg_model_rule *rule = &model->rules[i];

		words_or_none(wire, &rule->rule_id, "a rule's id");
		rule->group = number(wire, rule->group, 0, SIZE_MAX, "a rule's group");
		rule->set = number(wire, rule->set, 0, SIZE_MAX, "a rule's set");
		rule->direction = integer(wire, (int)rule->direction, 0, BG_DIRECTIONS - 1,
					  "a rule's direction");
		rule->list = integer(wire, (int)rule->list, 0, BG_PEERS_FLAT, "a rule's place");
		rule->permission = number(wire, rule->permission, 0, UINT32_MAX, "a rule's place");
		rule->peer = number(wire, rule->peer, 0, UINT32_MAX, "a rule's place");
		service(wire, rule);
	}
}

static void sets(struct wire *wire, struct bg_set **list, size_t *count)
{
	array(wire, (void **)list, count, sizeof(**list), sizeof(__u64), "sets");
	for (size_t i = 0; i < *count && !wire->rc; i++) {
		struct bg_set *set = &(*list)[i];

		words(wire, &set->name, 1, BG_ID_BYTES, "a set's name");
		flag(wire, &set->resolved, "a set");
		set->kind =
			integer(wire, (int)set->kind, BG_SET_CIDR, BG_SET_GROUP, "a set's kind");
		prefixes(wire, &set->prefixes, &set->prefix_count, true);
		must(wire, set->resolved || !set->prefix_count, "a set");
	}
}

/* Every rule is one of its group's, which stand together, and has a set. */
static void must_fit(struct wire *wire, const struct bg_model *model)
{
	size_t counted = 0;

	for (size_t i = 0; i < model->group_count && !wire->rc; i++) {
		const struct bg_group *group = &model->groups[i];

		must(wire,
		     group->rule_count <= model->rule_count &&
			     group->first_rule <= model->rule_count - group->rule_count,
		     "a group's rules");
		for (size_t k = 0; k < group->rule_count && !wire->rc; k++)
			must(wire, model->rules[group->first_rule + k].group == i,
			     "a group's rules");
		counted += group->rule_count;
	}
	must(wire, counted == model->rule_count, "the rules");
	for (size_t i = 0; i < model->rule_count && !wire->rc; i++)
		must(wire,
		     model->rules[i].group < model->group_count &&
			     model->rules[i].set < model->set_count,
		     "a rule");
}

static void pod(struct wire *wire, struct bg_model_pod *pod)
{
	words(wire, &pod->namespace, 0, BG_TEXT_BYTES, "a pod's namespace");
	words(wire, &pod->name, 0, BG_TEXT_BYTES, "a pod's name");
	interface(wire, pod->host_interface, true, "a pod's interface");
	addresses(wire, &pod->addresses, &pod->address_count);
	ARRAY(wire, pod->probes, pod->probe_count, sizeof(__u64));
	for (size_t i = 0; i < pod->probe_count && !wire->rc; i++) {
		pod->probes[i].protocol =
			integer(wire, pod->probes[i].protocol, 0, 255, "a probe's protocol");
		pod->probes[i].port =
			integer(wire, pod->probes[i].port, 0, 65535, "a probe's port");
	}
}

static void branches(struct wire *wire, struct bg_model *model)
{
	ARRAY(wire, model->branches, model->branch_count, sizeof(__u64));
	for (size_t i = 0; i < model->branch_count && !wire->rc; i++) {
		struct bg_model_branch *branch = &model->branches[i];

		words(wire, &branch->id, 1, BG_ID_BYTES, "a branch's id");
		branch->vlan = integer(wire, branch->vlan, 1, BG_VLANS - 2, "a branch's VLAN");
		interface(wire, branch->interface, false, "a branch's interface");
		branch->mode =
			integer(wire, (int)branch->mode, BG_STRICT, BG_STANDARD, "a branch's mode");
		branch->asked_mode = branch->mode;
		group_list(wire, &branch->groups, &branch->group_count, model->group_count);
		ARRAY(wire, branch->pods, branch->pod_count, sizeof(__u64));
		for (size_t k = 0; k < branch->pod_count && !wire->rc; k++)
			pod(wire, &branch->pods[k]);
		timeouts(wire, &branch->timeouts);
	}
}

static void claims(struct wire *wire, struct bg_model *model)
{
	ARRAY(wire, model->claims, model->claim_count, sizeof(__u64));
	for (size_t i = 0; i < model->claim_count && !wire->rc; i++) {
		struct bg_claim *claim = &model->claims[i];

		claim->kind = integer(wire, (int)claim->kind, 0, BG_CLAIM_ADDRESS, "a claim");
		raw(wire, &claim->address, sizeof(claim->address));
		ARRAY(wire, claim->claimants, claim->claimant_count, sizeof(__u64));
		must(wire, claim->claimant_count > 1, "a claim");
		for (size_t k = 0; k < claim->claimant_count && !wire->rc; k++) {
			struct bg_claimant *by = &claim->claimants[k];

			by->branch = number(wire, by->branch, 0, SIZE_MAX, "a claimant");
			by->pod = number(wire, by->pod, 0, SIZE_MAX, "a claimant");
			must(wire,
			     by->branch < model->branch_count &&
				     (claim->kind != BG_CLAIM_ADDRESS ||
				      by->pod < model->branches[by->branch].pod_count),
			     "a claimant");
		}
	}
}

static void local_services(struct wire *wire, struct bg_model_node *node)
{
	ARRAY(wire, node->local_services, node->local_service_count, sizeof(struct bg_addr));
	for (size_t i = 0; i < node->local_service_count && !wire->rc; i++) {
		struct bg_model_service *service = &node->local_services[i];

		raw(wire, &service->address, sizeof(service->address));
		service->protocol =
			integer(wire, service->protocol, -1, 255, "a service's protocol");
		service->port = integer(wire, service->port, 0, 65535, "a service's port");
	}
}

static void node(struct wire *wire, struct bg_model_node *node, size_t group_count)
{
	bool *const flags[] = { &node->has_groups,    &node->external_snat,
				&node->revalidate,    &node->filter_platform,
				&node->per_interface, &node->live_mode_change };

	words(wire, &node->name, 0, BG_TEXT_BYTES, "the node's name");
	interface(wire, node->primary_interface, true, "the primary interface");
	interface(wire, node->trunk_interface, true, "the trunk");
	addresses(wire, &node->addresses, &node->address_count);
	group_list(wire, &node->groups, &node->group_count, group_count);
	prefixes(wire, &node->vpc_cidrs, &node->vpc_cidr_count, false);
	prefixes(wire, &node->service_cidrs, &node->service_cidr_count, false);
	prefixes(wire, &node->exclude_snat_cidrs, &node->exclude_snat_cidr_count, false);
	prefixes(wire, &node->probe_sources, &node->probe_source_count, false);
	local_services(wire, node);
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		flag(wire, flags[i], "the node");
	timeouts(wire, &node->timeouts);
}

static void problems(struct wire *wire, struct bg_problem **list, size_t *count)
{
	array(wire, (void **)list, count, sizeof(**list), sizeof(__u64), "problems");
	for (size_t i = 0; i < *count && !wire->rc; i++) {
		struct bg_problem *problem = &(*list)[i];

		text(wire, &problem->pointer, "a problem");
		text(wire, &problem->text, "a problem");
		raw(wire, &problem->place, sizeof(problem->place));
	}
}

static void whole_model(struct wire *wire, struct bg_model *model)
{
	words(wire, &model->revision, 0, BG_TEXT_BYTES, "the revision");
	groups(wire, model);
	rules(wire, model);
	sets(wire, &model->sets, &model->set_count);
	must_fit(wire, model);
	sets(wire, &model->spare_sets, &model->spare_set_count);
	branches(wire, model);
	claims(wire, model);
	node(wire, &model->node, model->group_count);
	problems(wire, &model->warnings, &model->warning_count);
	model->member_count = 0;
	for (size_t i = 0; i < model->set_count; i++)
		model->member_count += model->sets[i].prefix_count;
}

/* --- the answer -------------------------------------------------------------- */

/* The lowest errno that a call can give. */
#define LEAST_RC (-4095)

static int head(struct wire *wire, int rc)
{
	number(wire, MAGIC, MAGIC, MAGIC, "its head");
	return integer(wire, rc, LEAST_RC, 0, "its head");
}

/* Why there is no model. */
static void refusal(struct wire *wire, char **why, struct bg_problems *errors)
{
	text(wire, why, "the refusal");
	problems(wire, &errors->problem, &errors->count);
	errors->more = number(wire, errors->more, 0, SIZE_MAX, "its errors");
	must(wire, errors->count <= BG_ERRORS_MOST, "its errors");
}

int bg_wire_write(const struct bg_wire_answer *answer, unsigned char **bytes, size_t *length_bytes,
		  struct bg_error *err)
{
	struct bg_problems errors = answer->errors;
	char *why = (char *)answer->why.text;
	struct wire wire = { .writes = true };

	head(&wire, answer->rc);
	/* what is written is only looked at */
	if (answer->rc)
		refusal(&wire, &why, &errors);
	else
		whole_model(&wire, answer->model);
	if (wire.rc) {
		free(wire.bytes);
		return wire.rc == -ENOMEM
			       ? bg_no_memory(err, "handing over the feed")
			       : bg_fail(err, wire.rc,
					 "handing over the feed: %s is not as it must be",
					 wire.wrong);
	}
	*bytes = wire.bytes;
	*length_bytes = wire.at;
	return 0;
}

void bg_wire_answer_free(struct bg_wire_answer *answer)
{
	bg_model_free(answer->model);
	bg_problems_free(&answer->errors);
	answer->model = NULL;
}

static void read_answer(struct wire *wire, struct bg_wire_answer *answer)
{
	bg_auto_free char *why = NULL;

	answer->rc = head(wire, 0);
	if (wire->rc)
		return;
	if (answer->rc) {
		refusal(wire, &why, &answer->errors);
		bg_fail(&answer->why, 0, "%s", why ? why : "");
	} else {
		answer->model = calloc(1, sizeof(*answer->model));
		if (answer->model)
			whole_model(wire, answer->model);
		else
			fails(wire, -ENOMEM, "the model");
	}
	must(wire, wire->at == wire->room, "its end");
}

int bg_wire_read(const unsigned char *bytes, size_t length_bytes, struct bg_wire_answer *answer,
		 struct bg_error *err)
{
	struct wire wire = { .bytes = (unsigned char *)bytes, .room = length_bytes };

	memset(answer, 0, sizeof(*answer));
	read_answer(&wire, answer);
	if (!wire.rc)
		return 0;
	bg_wire_answer_free(answer);
	if (wire.rc == -ENOMEM)
		return bg_no_memory(err, BG_READING);
	return bg_fail(err, wire.rc,
		       "the parser's answer is none: byte %zu of %zu: %s is not as it must be",
		       wire.at, length_bytes, wire.wrong);
}

/* NOLINTEND(clang-analyzer-core.*,clang-analyzer-optin.core.EnumCastOutOfRange) */
