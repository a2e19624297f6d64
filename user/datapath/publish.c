// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Putting a revision in force; datapath.h has the order of steps. The daemon calls it
 * for an accepted feed, explain for a private datapath. A step that fails leaves the
 * revision before in force.
 */
#include "datapath/datapath.h"

#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "branchguard.skel.h"
#include "pinned/image_pin.h"

/* What the maps held before, of entries that this publish wrote. */
struct old_rule {
	__u32 number;
	bool present;
	struct bg_rule rule;
};

struct old_branch {
	__u32 vlan;
	bool present;
	struct bg_branch_info info;
};

struct publish {
	struct bg_datapath *datapath;
	const struct bg_model *model;
	__u32 revision;
	struct old_rule *old_rules;
	size_t old_rule_count;
	struct old_branch *old_branches;
	size_t old_branch_count;
};

static void free_publish(struct publish *publish)
{
	free(publish->old_rules);
	free(publish->old_branches);
}

/* hits and revision do not count */
static bool same_rule(const struct bg_rule *a, const struct bg_rule *b)
{
	return !memcmp(a, b, offsetof(struct bg_rule, revision));
}

static int write_rule(struct publish *publish, const struct bg_model_rule *from,
		      struct bg_error *err)
{
	struct bg_datapath *datapath = publish->datapath;
	struct bpf_map *map = datapath->skel->maps.rules;
	struct bg_rule rule = {}, *known = &datapath->rules[from->number];
	struct old_rule *old = &publish->old_rules[publish->old_rule_count];
	int rc;

	bg_rule_describe(publish->model, from, &rule);
	if (known->revision && same_rule(&rule, known))
		return 0;
	memset(old, 0, sizeof(*old));
	rc = bpf_map_lookup_elem(bpf_map__fd(map), &from->number, &old->rule);
	if (rc && rc != -ENOENT)
		return bg_fail(err, rc, "reading map rules: %s", strerror(-rc));
	old->number = from->number;
	old->present = !rc;
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

static int write_rules(struct publish *publish, struct bg_error *err)
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

static void join_groups(const struct bg_model *model, const struct bg_model_branch *branch,
			char *text, size_t size)
{
	size_t length = 0;

	for (size_t i = 0; i < branch->group_count; i++) {
		const char *id = model->groups[branch->groups[i]].id;
		bool last = i + 1 == branch->group_count;
		/* room for ",..." unless this is the last one */
		size_t needed = strlen(id) + (i > 0) + (last ? 0 : 4);

		if (length + needed >= size) {
			snprintf(text + length, size - length, "%s...", i ? "," : "");
			return;
		}
		length += snprintf(text + length, size - length, "%s%s", i ? "," : "", id);
	}
}

/* A slot that another branch had before starts from zero. */
static int clear_counters(const struct bg_datapath *datapath, __u32 slot, struct bg_error *err)
{
	struct bpf_map *map = datapath->skel->maps.fast_counters;
	bg_auto_free void *zeros = NULL;
	int rc = 0;

	zeros = calloc(libbpf_num_possible_cpus(), sizeof(struct bg_counters));
	if (!zeros)
		return bg_no_memory(err, "clearing the counters of a branch");
	for (__u32 direction = 0; direction < BG_DIRECTIONS && !rc; direction++) {
		__u32 index = slot * BG_DIRECTIONS + direction;

		rc = bg_map_set(map, &index, zeros, err);
	}
	return rc;
}

static bool branch_had_slot(const struct publish *publish, const struct bg_model_branch *branch)
{
	for (size_t i = 0; i < publish->old_branch_count; i++) {
		const struct old_branch *old = &publish->old_branches[i];

		if (old->present && old->info.slot == branch->slot &&
		    !strncmp(old->info.id, branch->id, sizeof(old->info.id) - 1))
			return true;
	}
	return false;
}

/* What `branches` holds: it is written by us alone, so this is the old revision. */
static int read_branches(struct publish *publish, struct bg_error *err)
{
	int fd = bpf_map__fd(publish->datapath->skel->maps.branches);
	__u32 key, *last = NULL;
	struct old_branch *old;

	/* room for the model's branches too, which are added as "not present" */
	publish->old_branches =
		calloc(BG_VLANS + publish->model->branch_count, sizeof(*publish->old_branches));
	if (!publish->old_branches)
		return bg_no_memory(err, "writing the branches");
	while (publish->old_branch_count < BG_VLANS && !bpf_map_get_next_key(fd, last, &key)) {
		old = &publish->old_branches[publish->old_branch_count];
		if (!bpf_map_lookup_elem(fd, &key, &old->info)) {
			old->vlan = key;
			old->present = true;
			publish->old_branch_count++;
		}
		last = &key;
	}
	return 0;
}

static struct old_branch *old_branch_of(struct publish *publish, __u32 vlan)
{
	for (size_t i = 0; i < publish->old_branch_count; i++)
		if (publish->old_branches[i].vlan == vlan)
			return &publish->old_branches[i];
	return NULL;
}

static int write_branch(struct publish *publish, const struct bg_model_branch *branch,
			struct bg_error *err)
{
	struct bg_datapath *datapath = publish->datapath;
	struct old_branch *old = old_branch_of(publish, branch->vlan);
	struct bg_branch_info info = {
		.tag = branch->tag,
		.slot = branch->slot,
		.mode = branch->mode,
	};
	__u32 vlan = branch->vlan;
	int rc;

	snprintf(info.id, sizeof(info.id), "%s", branch->id);
	snprintf(info.interface, sizeof(info.interface), "%s", branch->interface);
	join_groups(publish->model, branch, info.groups, sizeof(info.groups));
	if (!branch_had_slot(publish, branch)) {
		rc = clear_counters(datapath, branch->slot, err);
		if (rc)
			return rc;
	}
	/* still on the same interface, whatever the branch is called now */
	if (old && old->present && !strcmp(old->info.interface, info.interface)) {
		info.ifindex = old->info.ifindex;
		info.armed_ns = old->info.armed_ns;
	}
	if (old && old->present && !memcmp(&old->info, &info, sizeof(info)))
		return 0;
	if (!old) {
		old = &publish->old_branches[publish->old_branch_count++];
		old->vlan = vlan;
	}
	return bg_map_set(datapath->skel->maps.branches, &vlan, &info, err);
}

static int write_branches(struct publish *publish, struct bg_error *err)
{
	const struct bg_model *model = publish->model;
	int rc = read_branches(publish, err);

	for (size_t i = 0; !rc && i < model->branch_count; i++)
		rc = write_branch(publish, &model->branches[i], err);
	return rc;
}

/*
 * A new image map, filled and frozen: nobody can change it any more. Filled by batches,
 * since the kernel does not allow a writable mapping of a map that is read-only for
 * programs.
 */
int bg_datapath_fill(const struct bg_datapath *datapath, const struct bg_image *image,
		     int *image_fd, struct bg_error *err)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BG_IMAGE_MAP_FLAGS,
		    .btf_fd = bpf_object__btf_fd(datapath->skel->obj),
		    .btf_key_type_id = datapath->image_btf_key,
		    .btf_value_type_id = datapath->image_btf_value);
	__u32 count = image->block_count;
	bg_auto_free __u32 *keys = NULL;
	bg_auto_close int fd = -1;
	int rc;

	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "image", sizeof(__u32), sizeof(struct bg_block),
			    datapath->options.image_blocks, &opts);
	if (fd < 0)
		return bg_fail(err, fd, "creating an image map of %u KiB: %s",
			       datapath->options.image_blocks, strerror(-fd));
	keys = malloc(count * sizeof(*keys));
	if (!keys)
		return bg_no_memory(err, "filling an image map");
	for (__u32 i = 0; i < count; i++)
		keys[i] = i;
	rc = bpf_map_update_batch(fd, keys, image->blocks, &count, NULL);
	if (!rc && count != image->block_count)
		rc = -EIO;
	if (rc)
		return bg_fail(err, rc, "filling an image map with %zu KiB: %s", image->block_count,
			       strerror(-rc));
	rc = bpf_map_freeze(fd);
	if (rc)
		return bg_fail(err, rc, "freezing the image map: %s", strerror(-rc));
	*image_fd = bg_take_fd(&fd);
	return 0;
}

/* The order is that of pinned/image_pin.h. */
static int put_in_force(struct publish *publish, int *image_fd, struct bg_error *err)
{
	struct bg_datapath *datapath = publish->datapath;
	const char *pin_dir = datapath->options.pin_dir;
	__u32 zero = 0;
	int rc;

	if (datapath->policy_pinned) {
		rc = bg_image_announce(pin_dir, *image_fd);
		if (rc)
			return bg_fail(err, rc, "pinning %s/maps/image_next: %s", pin_dir,
				       strerror(-rc));
	}
	rc = bpf_map_update_elem(bpf_map__fd(datapath->skel->maps.policy), &zero, image_fd,
				 BPF_ANY);
	if (rc) {
		if (datapath->policy_pinned)
			bg_image_withdraw(pin_dir);
		return bg_fail(err, rc, "putting the image in force: %s", strerror(-rc));
	}
	/* it is in force: should this fail, bg_datapath_pin() does it once more */
	if (datapath->policy_pinned)
		bg_image_settle(pin_dir);
	if (datapath->image_fd >= 0)
		close(datapath->image_fd);
	/* for the pin; nothing else needs it open */
	datapath->image_fd = pin_dir ? bg_take_fd(image_fd) : -1;
	return 0;
}

static void take_back(struct publish *publish)
{
	struct branchguard_bpf *skel = publish->datapath->skel;
	int fd = bpf_map__fd(skel->maps.rules);

	while (publish->old_rule_count) {
		struct old_rule *old = &publish->old_rules[--publish->old_rule_count];

		if (old->present)
			bpf_map_update_elem(fd, &old->number, &old->rule, BPF_ANY);
		else
			bpf_map_delete_elem(fd, &old->number);
		old->rule.hits = 0;
		publish->datapath->rules[old->number] = old->rule;
	}
	fd = bpf_map__fd(skel->maps.branches);
	while (publish->old_branch_count) {
		struct old_branch *old = &publish->old_branches[--publish->old_branch_count];

		if (old->present)
			bpf_map_update_elem(fd, &old->vlan, &old->info, BPF_ANY);
		else
			bpf_map_delete_elem(fd, &old->vlan);
	}
}

/* Its text stays for the flows that name it. */
static void retire_rule(const struct bg_datapath *datapath, __u32 number)
{
	int fd = bpf_map__fd(datapath->skel->maps.rules);
	struct bg_rule rule;

	if (bpf_map_lookup_elem(fd, &number, &rule))
		return;
	/* without room for it, flows name a rule that is not known any more */
	bpf_map_update_elem(bpf_map__fd(datapath->skel->maps.former_rules), &number, &rule,
			    BPF_ANY);
	bpf_map_delete_elem(fd, &number);
}

static __u32 clear_old_rules(struct publish *publish)
{
	struct bg_datapath *datapath = publish->datapath;
	int former = bpf_map__fd(datapath->skel->maps.former_rules);
	bg_auto_free bool *used = NULL;
	__u32 cleared = 0;

	used = calloc(datapath->options.max_rules, sizeof(*used));
	if (!used)
		return 0; /* they stay until the next revision */
	for (size_t i = 0; i < publish->model->rule_count; i++)
		used[publish->model->rules[i].number] = true;
	for (__u32 number = 1; number < datapath->options.max_rules; number++) {
		if (used[number] || !datapath->rules[number].revision)
			continue;
		datapath->rules[number].revision = 0;
		retire_rule(datapath, number);
		cleared++;
	}
	/* a number that another rule has now */
	for (size_t i = 0; i < publish->old_rule_count; i++)
		if (!publish->old_rules[i].present)
			bpf_map_delete_elem(former, &publish->old_rules[i].number);
	return cleared;
}

static bool model_has_vlan(const struct bg_model *model, __u32 vlan)
{
	for (size_t i = 0; i < model->branch_count; i++)
		if ((__u32)model->branches[i].vlan == vlan)
			return true;
	return false;
}

static void clear_old_branches(struct publish *publish, struct bg_publish_times *times)
{
	int fd = bpf_map__fd(publish->datapath->skel->maps.branches);

	for (size_t i = 0; i < publish->old_branch_count; i++) {
		struct old_branch *old = &publish->old_branches[i];

		if (!old->present) {
			times->branches_added++;
		} else if (!model_has_vlan(publish->model, old->vlan)) {
			bpf_map_delete_elem(fd, &old->vlan);
			times->branches_removed++;
		}
	}
}

static __u32 count_new_rules(const struct publish *publish)
{
	__u32 count = 0;

	for (size_t i = 0; i < publish->old_rule_count; i++)
		count += !publish->old_rules[i].present;
	return count;
}

int bg_datapath_compile(struct bg_datapath *datapath, struct bg_model *model, size_t max_blocks,
			struct bg_image **image, struct bg_publish_times *times,
			struct bg_error *err)
{
	double start_ms = bg_monotonic_ms();
	int rc;

	memset(times, 0, sizeof(*times));
	rc = bg_registry_assign(datapath->registry, model, err);
	if (rc)
		return rc;
	rc = bg_compile(model, datapath->revision + 1, max_blocks, image, err);
	if (rc) {
		bg_registry_rollback(datapath->registry);
		return rc;
	}
	times->compile_ms = bg_monotonic_ms() - start_ms;
	times->image_bytes = (*image)->block_count * sizeof(struct bg_block);
	return 0;
}

void bg_datapath_discard(struct bg_datapath *datapath)
{
	bg_registry_rollback(datapath->registry);
}

bool bg_datapath_has_room(const struct bg_datapath *datapath, const struct bg_image *image)
{
	return image->block_count <= datapath->options.image_blocks;
}

void bg_datapath_take_numbers(struct bg_datapath *datapath, struct bg_datapath *from)
{
	struct bg_registry *numbers = from->registry;

	from->registry = datapath->registry;
	datapath->registry = numbers;
	/* the other one may know it from its image, which comes before `control` */
	if (datapath->revision < from->revision)
		datapath->revision = from->revision;
}

int bg_datapath_put_in_force(struct bg_datapath *datapath, const struct bg_model *model,
			     int *image_fd, struct bg_publish_times *times, struct bg_error *err)
{
	bg_cleanup(free_publish) struct publish publish = {
		.datapath = datapath,
		.model = model,
		.revision = datapath->revision + 1,
	};
	double start_ms = bg_monotonic_ms();
	int rc;

	rc = write_rules(&publish, err) ?:
	     write_branches(&publish, err) ?:
	     put_in_force(&publish, image_fd, err);
	if (rc) {
		take_back(&publish);
		bg_datapath_discard(datapath);
		return rc;
	}
	datapath->revision = publish.revision;
	bg_datapath_announce(datapath, model->revision ? model->revision : "");
	times->rules_added = count_new_rules(&publish);
	times->rules_removed = clear_old_rules(&publish);
	clear_old_branches(&publish, times);
	bg_registry_commit(datapath->registry);
	times->publish_ms = times->fill_ms + bg_monotonic_ms() - start_ms;
	return 0;
}

int bg_datapath_publish(struct bg_datapath *datapath, const struct bg_model *model,
			const struct bg_image *image, struct bg_publish_times *times,
			struct bg_error *err)
{
	bg_auto_close int fd = -1;
	int rc = bg_datapath_fill(datapath, image, &fd, err);

	if (rc) {
		bg_datapath_discard(datapath);
		return rc;
	}
	return bg_datapath_put_in_force(datapath, model, &fd, times, err);
}

int bg_datapath_confirm(struct bg_datapath *datapath, const struct bg_model *model,
			struct bg_publish_times *times, struct bg_error *err)
{
	bg_cleanup(free_publish) struct publish publish = {
		.datapath = datapath,
		.model = model,
		.revision = datapath->revision,
	};
	int rc = write_rules(&publish, err) ?: write_branches(&publish, err);

	if (rc) {
		take_back(&publish);
		bg_datapath_discard(datapath);
		return rc;
	}
	times->rules_added = count_new_rules(&publish);
	times->rules_removed = clear_old_rules(&publish);
	clear_old_branches(&publish, times);
	bg_registry_commit(datapath->registry);
	return 0;
}

int bg_datapath_set_model(struct bg_datapath *datapath, struct bg_model *model,
			  struct bg_publish_times *times, struct bg_error *err)
{
	bg_cleanup(bg_image_free_at) struct bg_image *image = NULL;
	int rc;

	rc = bg_datapath_compile(datapath, model, datapath->options.image_blocks, &image, times,
				 err);
	return rc ? rc : bg_datapath_publish(datapath, model, image, times, err);
}
