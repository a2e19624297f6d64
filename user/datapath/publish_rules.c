// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The map `rules` of a revision that is put in force: its new entries before that, what only
 * the one before used afterwards. publish.c calls it; nobody else writes that map but the
 * programs, which count hits in it.
 */
#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "branchguard.skel.h"
#include "datapath/leftovers.h"
#include "datapath/publish.h"

/* hits and revision do not count */
static bool same_rule(const struct bg_rule *a, const struct bg_rule *b)
{
	return !memcmp(a, b, offsetof(struct bg_rule, revision));
}

static int write_rule(struct bg_publish *publish, const struct bg_model_rule *from,
		      struct bg_error *err)
{
	struct bg_datapath *datapath = publish->datapath;
	struct bpf_map *map = datapath->skel->maps.rules;
	struct bg_rule rule = {}, *known = &datapath->rules[from->number];
	struct bg_old_rule *old = &publish->old_rules[publish->old_rule_count];
	int rc;

	bg_rule_describe(publish->model, from, &rule);
	if (known->revision && same_rule(&rule, known))
		return 0;
	memset(old, 0, sizeof(*old));
	rc = bpf_map_lookup_elem(bpf_map__fd(map), &from->number, &old->rule);
	if (rc && rc != -ENOENT)
		return bg_fail(err, rc, "reading map rules: %s", strerror(-rc));
	old->number = from->number;
	/* what nobody knows of is left over: it goes if this is taken back */
	old->present = !rc && known->revision;
	rule.revision = publish->revision;
	rule.hits = 0;
	if (known->revision) { /* the same rule, but its text is another now */
		rule.revision = known->revision;
		rule.hits = old->rule.hits;
	}
	rc = bg_map_set(map, &from->number, &rule, err);
	if (rc)
		return rc;
	publish->old_rule_count++;
	*known = rule;
	known->hits = 0;
	return 0;
}

int bg_publish_rules_write(struct bg_publish *publish, struct bg_error *err)
{
	const struct bg_model *model = publish->model;

	publish->old_rules = calloc(model->rule_count + 1, sizeof(*publish->old_rules));
	if (!publish->old_rules)
		return bg_no_memory(err, "writing the rules");
	for (size_t i = 0; i < model->rule_count; i++) {
		int rc = write_rule(publish, &model->rules[i], err);

		if (rc)
			return rc;
	}
	return 0;
}

void bg_publish_rules_clear(struct bg_publish *publish)
{
	struct bg_datapath *datapath = publish->datapath;
	int former = bpf_map__fd(datapath->skel->maps.former_rules);
	bg_auto_free bool *used = NULL;

	used = calloc(datapath->options.max_rules, sizeof(*used));
	if (!used)
		return; /* they stay until the next revision */
	for (size_t i = 0; i < publish->model->rule_count; i++)
		used[publish->model->rules[i].number] = true;
	for (__u32 number = 1; number < datapath->options.max_rules; number++) {
		if (used[number] || !datapath->rules[number].revision)
			continue;
		bg_leftover_rule(datapath, number);
		publish->rules_removed++;
	}
	/* a number that another rule has now */
	for (size_t i = 0; i < publish->old_rule_count; i++)
		if (!publish->old_rules[i].present)
			bpf_map_delete_elem(former, &publish->old_rules[i].number);
}

__u32 bg_publish_rules_new(const struct bg_publish *publish)
{
	__u32 count = 0;

	for (size_t i = 0; i < publish->old_rule_count; i++)
		count += !publish->old_rules[i].present;
	return count;
}

void bg_publish_rules_take_back(struct bg_publish *publish)
{
	const int fd = bpf_map__fd(publish->datapath->skel->maps.rules);

	while (publish->old_rule_count) {
		struct bg_old_rule *old = &publish->old_rules[--publish->old_rule_count];
		struct bg_rule *known = &publish->datapath->rules[old->number];

		if (!old->present) {
			bg_leftover_new_rule(publish->datapath, old->number);
			continue;
		}
		*known = (struct bg_rule){ .revision = old->rule.revision };
		/* if not, it is not known what is there: the next revision writes it again */
		if (bpf_map_update_elem(fd, &old->number, &old->rule, BPF_ANY))
			continue;
		*known = old->rule;
		known->hits = 0;
	}
}
