// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A rule is known by its description (struct bg_rule without hits and
 * revision), because that is what survives in the pinned map; rules of one
 * feed that read the same share a number. A branch is known by its id.
 *
 * Numbers and slots are given out round robin, so a freed one rests until all
 * others had their turn. datapath/ keeps one registry and calls it for each revision;
 * check has one of its own. It neither reads nor writes the pinned maps.
 */
#include "compile/registry.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/dict.h"
#include "base/grow.h"
#include "base/hash.h"
#include "flow.h"

#define TAG_MAX (BG_FLOW_KEY_PROBE - 1u)

/* The states of a number or a slot. */
enum use {
	FREE = 0,
	IN_FORCE, /* of the revision in force, or adopted */
	WANTED,	  /* of it, and of the model that was assigned last too */
	NEW,	  /* only of that model */
};

struct rule_entry {
	struct bg_rule rule;
	enum use use;
};

struct branch_entry {
	char *id;
	__u32 hash; /* of the id, as struct bg_branch_info cuts it */
	__u32 tag;
	__u32 slot;
	enum use use;
};

struct bg_registry {
	__u32 max_rules, max_branches;
	/* by number; grown as numbers come into use */
	struct rule_entry *rules;
	__u32 rule_room, rules_used;
	__u32 last_number, last_number_before;
	/* open addressing: description → number, 0 = empty */
	__u32 *table;
	__u32 table_size;
	struct branch_entry *branches; /* in order of arrival; max_branches entries */
	__u32 branch_count;
	bool *slot_used;
	__u32 last_slot, last_slot_before;
	__u32 last_tag, last_tag_before;
};

#define DESCRIPTION_BYTES offsetof(struct bg_rule, revision)
#define BRANCH_ID_BYTES sizeof(((struct bg_branch_info *)0)->id)

static __u32 hash_id(const char *id)
{
	return bg_hash_bytes32(id, strnlen(id, BRANCH_ID_BYTES - 1));
}

struct bg_registry *bg_registry_new(__u32 max_rules, __u32 max_branches)
{
	struct bg_registry *registry = calloc(1, sizeof(*registry));

	if (!registry)
		return NULL;
	registry->max_rules = max_rules;
	registry->max_branches = max_branches;
	registry->branches = calloc(max_branches + 1, sizeof(*registry->branches));
	registry->slot_used = calloc(max_branches + 1, sizeof(*registry->slot_used));
	if (!registry->branches || !registry->slot_used) {
		bg_registry_free(registry);
		return NULL;
	}
	return registry;
}

void bg_registry_free(struct bg_registry *registry)
{
	if (!registry)
		return;
	for (__u32 i = 0; registry->branches && i < registry->branch_count; i++)
		free(registry->branches[i].id);
	free(registry->branches);
	free(registry->slot_used);
	free(registry->rules);
	free(registry->table);
	free(registry);
}

/* --- rules --- */

/* Where the description is in the table, or the empty place where it would be. */
static __u32 *table_place(const struct bg_registry *registry, const struct bg_rule *rule)
{
	__u32 mask = registry->table_size - 1;
	__u32 i = bg_dict_hash(rule, DESCRIPTION_BYTES) & mask;

	while (registry->table[i] &&
	       memcmp(&registry->rules[registry->table[i]].rule, rule, DESCRIPTION_BYTES) != 0)
		i = (i + 1) & mask;
	return &registry->table[i];
}

/* Builds a new table of the numbers in use, with room for `more`. */
static int rebuild_table(struct bg_registry *registry, size_t more)
{
	size_t size = 64;
	__u32 *table;

	while (size < 2 * (registry->rules_used + more))
		size *= 2;
	table = calloc(size, sizeof(*table));
	if (!table)
		return -ENOMEM;
	free(registry->table);
	registry->table = table;
	registry->table_size = size;
	for (__u32 number = 1; number < registry->rule_room; number++)
		if (registry->rules[number].use != FREE)
			*table_place(registry, &registry->rules[number].rule) = number;
	return 0;
}

static int grow_rules(struct bg_registry *registry, __u32 number)
{
	return BG_RESERVE(registry->rules, registry->rule_room, (size_t)number + 1);
}

/* The next number that is free; 0 = none, or no memory. */
static __u32 free_number(struct bg_registry *registry)
{
	__u32 number = registry->last_number;

	for (__u32 tries = 1; tries < registry->max_rules; tries++) {
		number = number + 1 < registry->max_rules ? number + 1 : 1;
		if (number >= registry->rule_room || registry->rules[number].use == FREE) {
			registry->last_number = number;
			return grow_rules(registry, number) ? 0 : number;
		}
	}
	return 0;
}

static int use_number(struct bg_registry *registry, __u32 number, const struct bg_rule *rule,
		      enum use use)
{
	struct rule_entry *entry = &registry->rules[number];

	if (registry->rules_used * 2 >= registry->table_size) {
		int rc = rebuild_table(registry, registry->rules_used + 1);

		if (rc)
			return rc;
	}
	entry->rule = *rule;
	entry->use = use;
	*table_place(registry, rule) = number;
	registry->rules_used++;
	return 0;
}

int bg_registry_adopt_rule(struct bg_registry *registry, __u32 number, const struct bg_rule *rule)
{
	int rc;

	if (!number || number >= registry->max_rules)
		return -ERANGE;
	rc = grow_rules(registry, number);
	if (rc)
		return rc;
	if (registry->rules[number].use != FREE)
		return -EEXIST;
	/* a publish that was interrupted may have left the same rule twice: the first
	 * number counts, the other is not in use */
	if (registry->table_size && *table_place(registry, rule))
		return 0;
	rc = use_number(registry, number, rule, IN_FORCE);
	if (rc)
		return rc;
	if (number > registry->last_number)
		registry->last_number = number;
	return 0;
}

static int assign_rule(struct bg_registry *registry, const struct bg_model *model,
		       struct bg_model_rule *rule, struct bg_error *err)
{
	struct bg_rule description;
	__u32 number;
	int rc;

	bg_rule_describe(model, rule, &description);
	number = *table_place(registry, &description);
	if (number) {
		if (registry->rules[number].use == IN_FORCE)
			registry->rules[number].use = WANTED;
		rule->number = number;
		return 0;
	}
	if (registry->rules_used + 1 >= registry->max_rules)
		return bg_fail(err, -ENOSPC,
			       "numbering the rules: the feed has %zu, and with those in force "
			       "that is more than the %u for which there is room: give the "
			       "daemon a larger --max-rules",
			       model->rule_count, registry->max_rules - 1);
	number = free_number(registry);
	rc = number ? use_number(registry, number, &description, NEW) : -ENOMEM;
	if (rc)
		return bg_no_memory(err, "numbering the rules");
	rule->number = number;
	return 0;
}

/* --- branches --- */

static struct branch_entry *find_branch(struct bg_registry *registry, const char *id)
{
	__u32 hash = hash_id(id);

	for (__u32 i = 0; i < registry->branch_count; i++) {
		struct branch_entry *branch = &registry->branches[i];

		if (branch->hash == hash && !strcmp(branch->id, id))
			return branch;
	}
	/* of an adopted id only the part that fits in the map is known */
	for (__u32 i = 0; strlen(id) >= BRANCH_ID_BYTES && i < registry->branch_count; i++) {
		struct branch_entry *branch = &registry->branches[i];

		if (branch->hash == hash && branch->use == IN_FORCE &&
		    strlen(branch->id) == BRANCH_ID_BYTES - 1 &&
		    !strncmp(branch->id, id, BRANCH_ID_BYTES - 1)) {
			char *whole = strdup(id);

			if (!whole)
				return NULL;
			free(branch->id);
			branch->id = whole;
			return branch;
		}
	}
	return NULL;
}

static int add_branch(struct bg_registry *registry, const char *id, __u32 tag, __u32 slot,
		      enum use use)
{
	struct branch_entry *branch = &registry->branches[registry->branch_count];
	char *copy = strdup(id);

	if (!copy)
		return -ENOMEM;
	*branch = (struct branch_entry){
		.id = copy, .hash = hash_id(id), .tag = tag, .slot = slot, .use = use
	};
	registry->branch_count++;
	registry->slot_used[slot] = true;
	return 0;
}

int bg_registry_adopt_branch(struct bg_registry *registry, const struct bg_branch_info *branch)
{
	char id[BRANCH_ID_BYTES];
	int rc;

	if (!branch->slot || branch->slot >= registry->max_branches || !branch->tag ||
	    branch->tag > TAG_MAX)
		return -ERANGE;
	if (registry->slot_used[branch->slot])
		return -EEXIST;
	snprintf(id, sizeof(id), "%.*s", (int)sizeof(id) - 1, branch->id);
	rc = add_branch(registry, id, branch->tag, branch->slot, IN_FORCE);
	if (rc)
		return rc;
	bg_registry_adopt_tag(registry, branch->tag);
	if (branch->slot > registry->last_slot)
		registry->last_slot = branch->slot;
	return 0;
}

void bg_registry_adopt_tag(struct bg_registry *registry, __u32 tag)
{
	if (tag > registry->last_tag)
		registry->last_tag = tag;
}

static __u32 free_slot(struct bg_registry *registry)
{
	__u32 slot = registry->last_slot;

	for (__u32 tries = 1; tries < registry->max_branches; tries++) {
		slot = slot + 1 < registry->max_branches ? slot + 1 : 1;
		if (!registry->slot_used[slot]) {
			registry->last_slot = slot;
			return slot;
		}
	}
	return 0;
}

static int assign_branch(struct bg_registry *registry, const struct bg_model *model,
			 struct bg_model_branch *branch, struct bg_error *err)
{
	struct branch_entry *known = find_branch(registry, branch->id);
	__u32 slot;

	if (known) {
		if (known->use == IN_FORCE)
			known->use = WANTED;
		branch->tag = known->tag;
		branch->slot = known->slot;
		return 0;
	}
	slot = free_slot(registry);
	if (!slot)
		return bg_fail(err, -ENOSPC,
			       "numbering the branches: the feed has %zu, and with those in force "
			       "that is more than the %u for which there is room: give the "
			       "daemon a larger --max-branches",
			       model->branch_count,
			       registry->max_branches ? registry->max_branches - 1 : 0);
	if (registry->last_tag == TAG_MAX)
		return bg_fail(err, -ENOSPC,
			       "numbering the branches: all %u tags were given out: "
			       "`branchguard unload` and start again",
			       TAG_MAX);
	if (add_branch(registry, branch->id, registry->last_tag + 1, slot, NEW))
		return bg_no_memory(err, "numbering the branches");
	registry->last_tag++;
	branch->tag = registry->last_tag;
	branch->slot = slot;
	return 0;
}

/* --- the whole --- */

static void free_branch(struct bg_registry *registry, struct branch_entry *branch)
{
	registry->slot_used[branch->slot] = false;
	free(branch->id);
	branch->id = NULL;
}

/* Frees everything in the state `gone`, everything else is in force. */
static void settle(struct bg_registry *registry, enum use gone)
{
	__u32 kept = 0;

	for (__u32 number = 1; number < registry->rule_room; number++) {
		struct rule_entry *entry = &registry->rules[number];

		if (entry->use == gone) {
			entry->use = FREE;
			registry->rules_used--;
		} else if (entry->use != FREE) {
			entry->use = IN_FORCE;
		}
	}
	for (__u32 i = 0; i < registry->branch_count; i++) {
		struct branch_entry *branch = &registry->branches[i];

		if (branch->use == gone) {
			free_branch(registry, branch);
			continue;
		}
		branch->use = IN_FORCE;
		registry->branches[kept++] = *branch;
	}
	registry->branch_count = kept;
	/* the table still has freed numbers: replace it, or without memory clean it in place */
	if (registry->table_size && rebuild_table(registry, 0)) {
		memset(registry->table, 0, registry->table_size * sizeof(*registry->table));
		for (__u32 number = 1; number < registry->rule_room; number++)
			if (registry->rules[number].use != FREE)
				*table_place(registry, &registry->rules[number].rule) = number;
	}
}

int bg_registry_assign(struct bg_registry *registry, struct bg_model *model, struct bg_error *err)
{
	int rc = 0;

	/* the last assignment may be neither committed nor taken back */
	bg_registry_rollback(registry);
	registry->last_number_before = registry->last_number;
	registry->last_slot_before = registry->last_slot;
	registry->last_tag_before = registry->last_tag;
	if (!registry->table_size && rebuild_table(registry, 1))
		return bg_no_memory(err, "numbering the rules");
	for (size_t i = 0; !rc && i < model->rule_count; i++)
		rc = assign_rule(registry, model, &model->rules[i], err);
	for (size_t i = 0; !rc && i < model->branch_count; i++)
		rc = assign_branch(registry, model, &model->branches[i], err);
	if (rc)
		bg_registry_rollback(registry);
	return rc;
}

void bg_registry_commit(struct bg_registry *registry)
{
	settle(registry, IN_FORCE);
	registry->last_number_before = registry->last_number;
	registry->last_slot_before = registry->last_slot;
	registry->last_tag_before = registry->last_tag;
}

static bool anything_new(const struct bg_registry *registry)
{
	for (__u32 number = 1; number < registry->rule_room; number++)
		if (registry->rules[number].use > IN_FORCE)
			return true;
	for (__u32 i = 0; i < registry->branch_count; i++)
		if (registry->branches[i].use > IN_FORCE)
			return true;
	return false;
}

void bg_registry_rollback(struct bg_registry *registry)
{
	if (!anything_new(registry))
		return;
	settle(registry, NEW);
	registry->last_number = registry->last_number_before;
	registry->last_slot = registry->last_slot_before;
	registry->last_tag = registry->last_tag_before;
}
