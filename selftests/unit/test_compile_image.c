// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What image.h promises to a reader, checked over every cell that one can reach. */
#include "compile/image_read.h"
#include "compiled.h"
#include "model_maker.h"
#include "random_model.h"
#include "test.h"

struct walk {
	const __u32 *cells;
	const struct bg_header *header;
	size_t nodes, shortlisted;
	int deepest;
};

static int mask_bits(__u64 mask)
{
	int bits = 0;

	while (bits < 64 && mask >> (63 - bits) & 1)
		bits++;
	/* ones in front only */
	assert_true(mask == (bits ? ~0ull << (64 - bits) : 0));
	return bits;
}

static void check_leaf(const struct walk *walk, __u32 entry)
{
	assert_true(entry & BG_LEAF);
	assert_true((entry & ~BG_LEAF) < walk->header->classes);
}

/* A key lies in the region of the first `depth` bits of hi, lo, which leads to it. */
static void check_region(__u64 key_hi, __u64 key_lo, int depth, __u64 hi, __u64 lo)
{
	__u64 mask_hi = depth >= 64 ? ~0ull : ~0ull << (64 - depth);
	__u64 mask_lo = depth > 64 ? ~0ull << (128 - depth) : 0;

	assert_true(depth > 0);
	assert_true(((key_hi ^ hi) & mask_hi) == 0);
	assert_true(((key_lo ^ lo) & mask_lo) == 0);
}

static void check_shortlist_entry(struct walk *walk, const struct bg_shortlist_entry *entry,
				  int depth, __u64 hi, __u64 lo)
{
	int lo_ignored = entry->lo_shift[0] + entry->lo_shift[1];

	walk->shortlisted++;
	assert_true(entry->hi_shift <= 48 && entry->lo_shift[0] <= 32 && entry->lo_shift[1] <= 32);
	/* a prefix: nothing of lo counts unless all of hi does */
	assert_true(!entry->hi_shift || lo_ignored == 64);
	assert_true(128 - entry->hi_shift - lo_ignored > depth);
	assert_true(bg_shortlist_covers(entry, entry->key_hi, entry->key_lo));
	check_region(entry->key_hi, entry->key_lo, depth, hi, lo);
	check_leaf(walk, entry->hit);
}

static void check_shortlist(struct walk *walk, __u32 entry, int depth, __u64 hi, __u64 lo)
{
	size_t first = (size_t)(entry & BG_SHORTLIST_MASK) * BG_SHORTLIST_CELLS;
	const struct bg_shortlist_entry *list = (const void *)&walk->cells[first];
	__u32 count = bg_shortlist_count(entry);

	assert_true(first + (size_t)count * BG_SHORTLIST_CELLS <= walk->header->cells_used);
	assert_true(first % BG_BLOCK_CELLS + (size_t)count * BG_SHORTLIST_CELLS <= BG_BLOCK_CELLS);
	check_leaf(walk, list[0].miss);
	for (__u32 i = 0; i < count; i++) {
		check_shortlist_entry(walk, &list[i], depth, hi, lo);
		/* what covers another one comes before it */
		for (__u32 j = i + 1; j < count; j++)
			assert_false(
				bg_shortlist_covers(&list[j], list[i].key_hi, list[i].key_lo) &&
				list[j].hi_shift + list[j].lo_shift[0] + list[j].lo_shift[1] >=
					list[i].hi_shift + list[i].lo_shift[0] +
						list[i].lo_shift[1]);
	}
}

/* Everything below an entry that keys with the first `depth` bits of hi, lo reach. */
static void check_entry(struct walk *walk, __u32 entry, int depth, __u64 hi, __u64 lo, int steps)
{
	const struct bg_node *node;
	int here;

	if (entry & BG_LEAF) {
		check_leaf(walk, entry);
		return;
	}
	if (entry & BG_SHORTLIST) {
		check_shortlist(walk, entry, depth, hi, lo);
		return;
	}
	assert_true((size_t)((entry & BG_NODE_MASK) + 1) * BG_NODE_CELLS <=
		    walk->header->cells_used);
	assert_true(steps < BG_TRIE_MAX_STEPS);
	walk->nodes++;
	node = (const void *)&walk->cells[(size_t)(entry & BG_NODE_MASK) * BG_NODE_CELLS];
	here = mask_bits(node->mask_hi) + mask_bits(node->mask_lo);
	assert_true(!node->mask_lo || !~node->mask_hi);
	assert_int_equal(here % 4, 0);
	assert_true(here >= depth && here < 128);
	if (here > walk->deepest)
		walk->deepest = here;
	assert_int_equal(entry >> BG_NIBBLE_SHIFT, here / 4);
	assert_int_equal(bg_entry_in_lo(entry), here >= 64);
	assert_int_equal(bg_entry_shift(entry), 60 - here % 64);
	assert_true(!(node->key_hi & ~node->mask_hi) && !(node->key_lo & ~node->mask_lo));
	check_region(node->key_hi, node->key_lo, depth, hi, lo);
	check_leaf(walk, node->miss);
	for (__u64 n = 0; n < 16; n++) {
		__u64 nibble = n << bg_entry_shift(entry);
		__u64 child_hi = node->key_hi | (bg_entry_in_lo(entry) ? 0 : nibble);
		__u64 child_lo = node->key_lo | (bg_entry_in_lo(entry) ? nibble : 0);

		check_entry(walk, node->child[n], here + 4, child_hi, child_lo, steps + 1);
	}
}

static void check_run(const struct walk *walk, __u32 index, size_t count)
{
	assert_true(index >= BG_BLOCK_CELLS);
	assert_true(index + count <= walk->header->cells_used);
}

/* Greatest value of a vector; all of it lies within the cells in use. */
static __u32 check_vector(const struct walk *walk, __u32 head, __u32 length)
{
	__u32 greatest = 0;

	check_run(walk, head, (length + BG_CHUNK_CELLS - 1) / BG_CHUNK_CELLS);
	for (__u32 i = 0; i < length; i++) {
		__u32 chunk = walk->cells[head + i / BG_CHUNK_CELLS];
		__u32 value;

		check_run(walk, chunk, i % BG_CHUNK_CELLS + 1);
		value = walk->cells[chunk + i % BG_CHUNK_CELLS];
		if (value > greatest)
			greatest = value;
	}
	return greatest;
}

static void check_policy(const struct walk *walk, const struct bg_policy *policy, size_t rules)
{
	__u32 services = 0;

	if (!policy->rows) {
		for (int space = 0; space < BG_SPACES; space++)
			assert_int_equal(policy->services[space], 0);
		return;
	}
	for (int space = 0; space < BG_SPACES; space++) {
		__u32 greatest = check_vector(walk, policy->services[space],
					      space == BG_SPACE_OTHER ? 256 : 65536);

		if (greatest > services)
			services = greatest;
	}
	check_vector(walk, policy->rows, walk->header->classes);
	for (__u32 c = 0; c < walk->header->classes; c++) {
		__u32 chunk = walk->cells[policy->rows + c / BG_CHUNK_CELLS];
		__u32 row = walk->cells[chunk + c % BG_CHUNK_CELLS];

		assert_true(c || !row);
		if (row)
			assert_true(check_vector(walk, row, services + 1) <= rules);
	}
}

static void check_image(const struct bg_model *model, const struct bg_image *image)
{
	struct walk walk = { .cells = (const void *)image->blocks,
			     .header = (const void *)image->blocks };
	const struct bg_header *header = walk.header;

	assert_int_equal(image->block_count,
			 (header->cells_used + BG_BLOCK_CELLS - 1) / BG_BLOCK_CELLS);
	for (size_t i = header->cells_used; i < image->block_count * BG_BLOCK_CELLS; i++)
		assert_int_equal(walk.cells[i], 0);
	check_run(&walk, header->branches, BG_VLANS);
	check_run(&walk, header->trie4, BG_ROOT_CELLS);
	check_run(&walk, header->trie6, BG_ROOT_CELLS);
	check_run(&walk, header->class_info, header->classes);
	assert_int_equal(walk.cells[header->class_info], 0);
	for (__u64 n = 0; n < BG_ROOT_CELLS; n++) {
		check_entry(&walk, walk.cells[header->trie4 + n], 16, n << 48, 0, 0);
		check_entry(&walk, walk.cells[header->trie6 + n], 16, n << 48, 0, 0);
	}
	assert_int_equal(walk.nodes, image->nodes);
	assert_int_equal(walk.shortlisted, image->shortlisted);
	if (header->local_service_count)
		check_run(&walk, header->local_services, 2ul * header->local_service_count);
	check_policy(&walk, &header->node_policy[0], model->rule_count);
	check_policy(&walk, &header->node_policy[1], model->rule_count);
	for (int vlan = 0; vlan < BG_VLANS; vlan++) {
		__u32 at = walk.cells[header->branches + vlan];
		const struct bg_branch *branch = (const void *)&walk.cells[at];

		if (!at)
			continue;
		assert_int_equal(at % BG_BRANCH_CELLS, 0);
		check_run(&walk, at, BG_BRANCH_CELLS);
		assert_int_equal(branch->vlan, vlan);
		if (branch->probe_count)
			check_run(&walk, branch->probes, 2ul * branch->probe_count);
		check_policy(&walk, &branch->policy[BG_INGRESS], model->rule_count);
		check_policy(&walk, &branch->policy[BG_EGRESS], model->rule_count);
	}
}

static void every_index_leads_into_the_image(void **state)
{
	struct random_source source = random_seeded();

	(void)state;
	for (int round = 0; round < 25; round++) {
		struct bg_model *model = random_model(&source);
		struct bg_image *image = compiled(model);

		check_image(model, image);
		bg_image_free(image);
		bg_model_free(model);
	}
}

/* One prefix of every length, one inside the other: as deep as a trie can be. */
static void nested_prefixes_of_all_lengths(void **state)
{
	struct bg_model *model = maker_new();
	size_t branch = maker_branch(model, "eni-1", 9);
	struct bg_image *image;

	(void)state;
	maker_branch_group(model, branch, maker_group(model, "sg-1"));
	for (int length = 0; length <= 128; length++) {
		struct bg_prefix prefix = { .length = length };
		char name[16];
		size_t set;

		for (int n = 0; n < length; n++)
			prefix.addr.byte[n / 8] |= 0x80 >> n % 8;
		snprintf(name, sizeof(name), "v6-%d", length);
		set = maker_set(model, name);
		maker_member(model, set, prefix);
		if (length >= 96) {
			memset(prefix.addr.byte, 0, 10);
			snprintf(name, sizeof(name), "v4-%d", length - 96);
			set = maker_set(model, name);
			maker_member(model, set, prefix);
		}
	}
	/* the innermost first: each prefix decides just outside of the next one */
	for (size_t set = model->set_count; set > 0; set--)
		maker_rule(model, set - 1, BG_INGRESS, 6, 80, 80);
	image = compiled(model);
	check_image(model, image);
	for (size_t r = 0; r < model->rule_count; r++) {
		const struct bg_prefix *prefix = &model->sets[model->rules[r].set].prefixes[0];
		struct bg_addr addr = prefix->addr;

		/* the address in it whose next bit is 0 */
		for (int n = prefix->length + 1; n < 128; n++)
			addr.byte[n / 8] |= 0x80 >> n % 8;
		assert_int_equal(bg_image_lookup(image, 9, BG_INGRESS, &addr, BG_SPACE_TCP, 80),
				 model->rules[r].number);
	}
	bg_image_free(image);
	bg_model_free(model);
}

/* Policies that are equal take no more room than one. */
static void equal_policies_are_stored_once(void **state)
{
	size_t used[2];

	(void)state;
	for (int many = 0; many < 2; many++) {
		struct bg_model *model = maker_new();
		struct bg_image *image;
		size_t group = maker_group(model, "sg-1");

		for (int i = 0; i < 500; i++) {
			struct bg_prefix prefix = maker_prefix("10.0.0.0/24");
			char name[16];
			size_t set;

			prefix.addr.byte[14] = i;
			prefix.addr.byte[13] = i >> 8;
			snprintf(name, sizeof(name), "cidr-%d", i);
			set = maker_set(model, name);
			maker_member(model, set, prefix);
			maker_rule(model, set, BG_INGRESS, 6, i, i + 5);
		}
		for (int vlan = 1; vlan <= (many ? 100 : 1); vlan++)
			maker_branch_group(model, maker_branch(model, "eni", vlan), group);
		image = compiled(model);
		used[many] = header_of(image)->cells_used;
		bg_image_free(image);
		bg_model_free(model);
	}
	assert_true(used[1] - used[0] < 100 * BG_BRANCH_CELLS + BG_BRANCH_CELLS);
}

static const __u32 *probe_list(const struct bg_image *image, int vlan, __u32 *count)
{
	const __u32 *cells = (const void *)image->blocks;
	const struct bg_header *header = (const void *)image->blocks;
	const struct bg_branch *branch = (const void *)&cells[cells[header->branches + vlan]];

	*count = branch->probe_count;
	return &cells[branch->probes];
}

/* Lists are searched by halves: ascending, none twice, and not without end. */
static void lists_are_in_order(void **state)
{
	struct bg_model *model = maker_new();
	struct bg_image *image = NULL;
	struct bg_error err = {};
	size_t branch = maker_branch(model, "eni-1", 1);
	const __u32 *entry;
	__u32 count;

	(void)state;
	for (int p = 0; p < 3; p++) {
		size_t pod = maker_pod(model, branch, "pod");
		struct bg_addr addr = maker_addr("10.0.0.1");

		addr.byte[15] = 3 - p;
		maker_pod_address(model, branch, pod, addr);
		for (int port = 500; port >= 1; port--) {
			maker_pod_probe(model, branch, pod, 17, port);
			maker_pod_probe(model, branch, pod, 6, (port * 7) % 500 + 1);
		}
		maker_pod_probe(model, branch, pod, 6, 80);
	}
	image = compiled(model);
	entry = probe_list(image, 1, &count);
	assert_int_equal(count, 3 * 1000);
	for (__u32 i = 1; i < count; i++, entry += 2)
		assert_true(entry[0] < entry[2] || (entry[0] == entry[2] && entry[1] < entry[3]));
	bg_image_free(image);
	image = NULL;

	for (int port = 0; port < 65535; port++)
		maker_pod_probe(model, branch, 0, 6, port);
	assert_int_equal(bg_compile(model, 2, COMPILED_MOST_BLOCKS, &image, &err), -EINVAL);
	if (!strstr(err.text, "probes of branch eni-1: 68035 of them"))
		fail_msg("%s", err.text);
	assert_null(image);
	bg_model_free(model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_index_leads_into_the_image),
		cmocka_unit_test(nested_prefixes_of_all_lengths),
		cmocka_unit_test(equal_policies_are_stored_once),
		cmocka_unit_test(lists_are_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
