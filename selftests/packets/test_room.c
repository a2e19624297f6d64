// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Room in the flow table: whose flow gives way? That is judged by a second opinion, which
 * knows headers/flow.h and what was in the table before and after each packet, not how the
 * program came to it. How full the table gets: test_capacity.c.
 *
 * Tried: floods of half-open, assured and platform flows, of one branch against another,
 * within its share and above it; connections that are reset and reopened; pings and DNS
 * among TCP; a table that was full once and is not any more.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/names.h"
#include "branchguard.skel.h"
#include "feeds.h"
#include "rig.h"
#include "show/flow_text.h"
#include "test.h"

#define RESOLVER "10.0.0.2"
#define SMALL_FLOWS 64
#define SMALL_BUCKETS (SMALL_FLOWS * 2 / BG_BUCKET_FLOWS)

static struct rig rig;

static enum bg_reason judge(enum hook hook, __u32 vlan, const struct pkt *pkt)
{
	struct bg_trace trace;
	__u8 frame[PKT_BYTES];

	return rig_judge(&rig, hook, vlan, frame, pkt_build(pkt, frame), &trace);
}

static bool passes(enum hook hook, __u32 vlan, const struct pkt *pkt)
{
	return bg_reason_passes(judge(hook, vlan, pkt));
}

/* --- what is in the small table --------------------------------------------------------- */

struct table {
	struct bg_bucket bucket[SMALL_BUCKETS];
	__u64 now_ns;
};

static void read_table(struct table *table)
{
	int fd = bpf_map__fd(rig.datapath->skel->maps.flows);

	for (__u32 i = 0; i < SMALL_BUCKETS; i++)
		assert_int_equal(bpf_map_lookup_elem(fd, &i, &table->bucket[i]), 0);
	table->now_ns = rig_now_ns();
}

static const struct bg_flow *flow_at(const struct table *table, int i, int slot)
{
	return table->bucket[i].tag[slot] ? &table->bucket[i].flow[slot] : NULL;
}

static int count_key(const struct table *table, const struct bg_flow_key *key)
{
	int count = 0;

	for (int i = 0; i < SMALL_BUCKETS; i++)
		for (int slot = 0; slot < BG_BUCKET_FLOWS; slot++) {
			const struct bg_flow *flow = flow_at(table, i, slot);

			count += flow && !memcmp(&flow->key, key, sizeof(*key));
		}
	return count;
}

/* Is the flow in that place in the other table, too? Most often it has not moved. */
static bool is_in(const struct table *table, int i, int slot, const struct bg_flow *flow)
{
	const struct bg_flow *there = flow_at(table, i, slot);

	return (there && !memcmp(&there->key, &flow->key, sizeof(flow->key))) ||
	       count_key(table, &flow->key);
}

static unsigned int total_away(const struct table *table)
{
	unsigned int away = 0;

	for (int i = 0; i < SMALL_BUCKETS; i++)
		away += table->bucket[i].away;
	return away;
}

/* `away` says how many flows are in their second bucket. */
static void check_away(const struct table *table)
{
	unsigned int flagged = 0;

	for (int i = 0; i < SMALL_BUCKETS; i++)
		for (int slot = 0; slot < BG_BUCKET_FLOWS; slot++) {
			const struct bg_flow *flow = flow_at(table, i, slot);

			flagged += flow && flow->flags & BG_FLOW_AWAY;
		}
	assert_int_equal(total_away(table), flagged);
}

/* --- the second opinion --------------------------------------------------------------- */

static bool is_over(const struct bg_flow *flow, __u64 now_ns)
{
	return !bg_flow_left_ns(flow, now_ns) || !strcmp(bg_flow_state(flow), "closed");
}

/* How many branches are in the bucket with one flow more; and how many flows of `branch`. */
static int branches_with(const struct bg_bucket *bucket, __u32 newcomer, __u32 branch, int *flows)
{
	__u32 seen[BG_BUCKET_FLOWS + 1] = { newcomer };
	int count = 1;

	*flows = branch == newcomer;
	for (int slot = 0; slot < BG_BUCKET_FLOWS; slot++) {
		const __u32 of = bucket->flow[slot].key.branch;
		bool known = false;

		*flows += of == branch;
		for (int i = 0; i < count; i++)
			known |= seen[i] == of;
		if (!known)
			seen[count++] = of;
	}
	return count;
}

/* Why that flow may give way to the new one, or NULL: it may not. */
static const char *may_give_way(const struct bg_bucket *bucket, const struct bg_flow *flow,
				const struct bg_flow *new)
{
	const bool platform = flow->flags & BG_FLOW_PLATFORM,
		   for_platform = new->flags & BG_FLOW_PLATFORM;
	const bool own = flow->key.branch == new->key.branch;
	int flows, own_flows, branches, share;

	branches = branches_with(bucket, new->key.branch, flow->key.branch, &flows);
	branches_with(bucket, new->key.branch, new->key.branch, &own_flows);
	share = (BG_BUCKET_FLOWS + branches - 1) / branches;
	if (for_platform && !platform && !own)
		return NULL;
	if (flows > share && !(flow->flags & BG_FLOW_ASSURED))
		return "half-open, of a branch above its share";
	if (flows > share && platform)
		return "platform, of a branch above its share";
	if (flows > share && !own && own_flows <= share)
		return "assured, of a branch above its share";
	if (platform && !for_platform)
		return "platform, for an admitted flow";
	return NULL;
}

/* One packet: who came, who went? */
static void compare(const struct table *before, const struct table *after)
{
	const struct bg_flow *came = NULL;

	for (int i = 0; i < SMALL_BUCKETS; i++)
		for (int slot = 0; slot < BG_BUCKET_FLOWS; slot++) {
			const struct bg_flow *flow = flow_at(after, i, slot);

			if (!flow || is_in(before, i, slot, flow))
				continue;
			assert_null(came);
			came = flow;
		}
	if (came)
		assert_int_equal(count_key(after, &came->key), 1);
	for (int i = 0; i < SMALL_BUCKETS; i++)
		for (int slot = 0; slot < BG_BUCKET_FLOWS; slot++) {
			const struct bg_flow *flow = flow_at(before, i, slot);

			if (!flow || is_in(after, i, slot, flow) || is_over(flow, after->now_ns))
				continue;
			if (!came)
				fail_msg("a flow that lives went, and none came");
			if (!may_give_way(&before->bucket[i], flow, came))
				fail_msg("branch %u, %s%s, gave way to branch %u%s",
					 flow->key.branch, bg_flow_state(flow),
					 flow->flags & BG_FLOW_PLATFORM ? " platform" : "",
					 came->key.branch,
					 came->flags & BG_FLOW_PLATFORM ? " platform" : "");
		}
	check_away(after);
}

/* A refusal is right if nobody in the two buckets may give way. Which they are is not known
 * from outside: then of no bucket may all flows be of those that may. */
static void check_refusal(const struct table *table, const struct bg_flow *new)
{
	for (int i = 0; i < SMALL_BUCKETS; i++)
		for (int slot = 0; slot < BG_BUCKET_FLOWS; slot++)
			if (!flow_at(table, i, slot))
				return;
	for (int i = 0; i < SMALL_BUCKETS; i++) {
		int may = 0;

		for (int slot = 0; slot < BG_BUCKET_FLOWS; slot++) {
			const struct bg_flow *flow = flow_at(table, i, slot);

			may += is_over(flow, table->now_ns) ||
			       may_give_way(&table->bucket[i], flow, new);
		}
		if (!may)
			return;
	}
	fail_msg("refused, though somebody could have given way in every bucket");
}

/* --- traffic ------------------------------------------------------------------------------ */

static int start(void **state)
{
	(void)state;
	rig_publish(&rig, USUAL_FEED);
	rig_clear(&rig);
	return 0;
}

/* Of branch A, admitted by its rule; false: no room. */
static bool open_web(const char *client, int port)
{
	const struct pkt syn = { TCP(client, port, POD, 443, "S") };
	const struct pkt syn_ack = { TCP(POD, 443, client, port, "SA") };
	const struct pkt ack = { TCP(client, port, POD, 443, "A") };

	return passes(TC_INGRESS, BRANCH_A, &syn) && passes(TC_EGRESS, BRANCH_A, &syn_ack) &&
	       passes(TC_INGRESS, BRANCH_A, &ack);
}

static bool web_is_alive(const char *client, int port)
{
	const struct pkt data = { TCP(POD, 443, client, port, "PA") };

	return passes(TC_EGRESS, BRANCH_A, &data);
}

/* Of branch B: two packets make them assured. */
static bool ask_resolver(int port)
{
	const struct pkt query = { UDP(NEIGHBOUR, port, RESOLVER, 53) };
	const struct pkt answer = { UDP(RESOLVER, 53, NEIGHBOUR, port) };

	return passes(TC_EGRESS, BRANCH_B, &query) && passes(TC_INGRESS, BRANCH_B, &answer) &&
	       passes(TC_EGRESS, BRANCH_B, &query);
}

static bool call_out(int port)
{
	const struct pkt syn = { TCP(NEIGHBOUR, port, STRANGER, 80, "S") };
	const struct pkt syn_ack = { TCP(STRANGER, 80, NEIGHBOUR, port, "SA") };
	const struct pkt ack = { TCP(NEIGHBOUR, port, STRANGER, 80, "A") };

	return passes(TC_EGRESS, BRANCH_B, &syn) && passes(TC_INGRESS, BRANCH_B, &syn_ack) &&
	       passes(TC_EGRESS, BRANCH_B, &ack);
}

/* Rarely more than two in a bucket, whose half is the share of each of two branches. */
#define SOME 24
#define FLOOD 3000

static void floods_take_no_place_from_others(void **state)
{
	static bool (*const flood[])(int port) = { ask_resolver, call_out };

	(void)state;
	for (int kind = 0; kind < 2; kind++) {
		start(NULL);
		/* before others come it may have all of it, */
		for (int port = 1; port <= FLOOD; port++)
			flood[kind](port);
		/* and then gives way, */
		for (int port = 1; port <= SOME; port++)
			if (!open_web(CLIENT, port))
				fail_msg("connection %d was refused", port);
		/* but does not get it back */
		for (int port = FLOOD; port <= 2 * FLOOD; port++)
			flood[kind](port);
		for (int port = 1; port <= SOME; port++)
			if (!web_is_alive(CLIENT, port))
				fail_msg("connection %d gave way", port);
	}
}

/* The table is full of connections that rules admit: platform traffic takes none of them. */
static void platform_takes_nothing_admitted(void **state)
{
	size_t opened = 0, alive = 0;

	(void)state;
	for (int port = 1; port <= FLOOD; port++)
		opened += open_web(CLIENT, port);
	assert_int_equal(opened, rig_capacity(&rig));
	for (int port = 1; port <= FLOOD; port++)
		assert_false(ask_resolver(port));
	for (int port = 1; port <= FLOOD; port++)
		alive += web_is_alive(CLIENT, port);
	assert_int_equal(alive, opened);
}

/* And what is admitted takes the place of platform traffic, if it is the branch's own. */
static void what_is_admitted_goes_before_platform(void **state)
{
	(void)state;
	for (int port = 1; port <= FLOOD; port++)
		ask_resolver(port);
	assert_int_equal(rig_flow_count(&rig), rig_capacity(&rig));
	for (int port = 1; port <= SOME; port++)
		if (!call_out(port))
			fail_msg("connection %d was refused", port);
}

struct traffic {
	__u32 vlan;
	enum hook hook;
	struct pkt pkt;
};

/* One packet of some connection, of those that rules and platform traffic admit. */
static struct traffic random_traffic(void)
{
	/* most go on for some time */
	static const char *const flags[] = { "S", "S", "S",  "SA", "SA", "SA", "A",  "A",
					     "A", "A", "PA", "PA", "PA", "PA", "FA", "R" };
	const int port = 1 + rand() % 250;
	const char *is = flags[rand() % (int)(sizeof(flags) / sizeof(flags[0]))];
	const struct traffic any[] = {
		{ BRANCH_A, TC_INGRESS, { TCP(CLIENT, port, POD, 443, is) } },
		{ BRANCH_A, TC_EGRESS, { TCP(POD, 443, CLIENT, port, is) } },
		{ BRANCH_B, TC_EGRESS, { UDP(NEIGHBOUR, port, RESOLVER, 53) } },
		{ BRANCH_B, TC_INGRESS, { UDP(RESOLVER, 53, NEIGHBOUR, port) } },
		{ BRANCH_B, TC_EGRESS, { TCP(NEIGHBOUR, port, STRANGER, 80, is) } },
		{ BRANCH_B, TC_INGRESS, { TCP(STRANGER, 80, NEIGHBOUR, port, is) } },
		{ BRANCH_C, TC_EGRESS, { TCP(STANDARD, port, CLIENT, 5432, is) } },
		{ BRANCH_C, TC_INGRESS, { TCP(CLIENT, 5432, STANDARD, port, is) } },
	};

	return any[rand() % (int)(sizeof(any) / sizeof(any[0]))];
}

static void a_second_opinion_on_who_gives_way(void **state)
{
	struct table before, after;
	const int tries = rig_tries(4000);
	int came = 0, refused = 0;

	(void)state;
	read_table(&before);
	for (int i = 0; i < tries; i++) {
		const struct traffic traffic = random_traffic();
		enum bg_reason reason = judge(traffic.hook, traffic.vlan, &traffic.pkt);

		read_table(&after);
		compare(&before, &after);
		came += reason == BG_REASON_RULE || reason == BG_REASON_PLATFORM;
		if (reason == BG_REASON_TABLE_FULL) {
			const bool platform = traffic.pkt.protocol == IPPROTO_UDP;
			const struct bg_flow new = {
				.key.branch = rig_branch_tag(&rig, traffic.vlan),
				.flags = platform ? BG_FLOW_PLATFORM : 0,
			};

			refused++;
			check_refusal(&before, &new);
		}
		if (rand() % 1000 == 0)
			rig_age(&rig, 20 + rand() % 120);
		read_table(&before);
	}
	printf("# %d flows came, %d were refused\n", came, refused);
	assert_true(came > 100);
	/* fewer do not fill it */
	assert_true(refused > 20 || tries < 4000);
}

/* What a flood has left sends no miss to a second bucket for ever. */
static void a_flood_leaves_nothing_behind(void **state)
{
	struct table table;
	unsigned int most;

	(void)state;
	for (int port = 1; port <= FLOOD; port++) {
		const struct pkt syn = { TCP(CLIENT, port, POD, 443, "S") };

		passes(TC_INGRESS, BRANCH_A, &syn);
		if (port % 100 == 0)
			rig_age(&rig, 1);
	}
	read_table(&table);
	check_away(&table);
	most = total_away(&table);
	assert_true(most > SMALL_BUCKETS / 2);
	for (int port = 1; port <= 500; port++) {
		const struct pkt syn = { TCP(CLIENT_TWO, port, POD, 443, "S") };

		if (port % 10 == 1)
			rig_age(&rig, 120);
		assert_true(passes(TC_INGRESS, BRANCH_A, &syn));
	}
	read_table(&table);
	check_away(&table);
	printf("# %u flows in their second bucket after the flood, then %u\n", most,
	       total_away(&table));
	assert_true(total_away(&table) < SMALL_BUCKETS / 4);
}

/* What another CPU has just seen, by a clock that is ahead, is the youngest there is. */
static void a_clock_that_is_ahead(void **state)
{
	int fd = bpf_map__fd(rig.datapath->skel->maps.flows);
	struct table before, after;

	(void)state;
	for (int port = 1; port <= FLOOD; port++) {
		const struct pkt syn = { TCP(CLIENT, port, POD, 443, "S") };

		passes(TC_INGRESS, BRANCH_A, &syn);
	}
	rig_age(&rig, 1);
	read_table(&before);
	for (__u32 i = 0; i < SMALL_BUCKETS; i++) {
		before.bucket[i].flow[3].last_seen_ns = rig_now_ns() + 1000000000ull;
		assert_int_equal(bpf_map_update_elem(fd, &i, &before.bucket[i], BPF_ANY), 0);
	}
	for (int port = 1; port <= 2 * SMALL_BUCKETS; port++) {
		const struct pkt syn = { TCP(CLIENT_TWO, port, POD, 443, "S") };

		assert_true(passes(TC_INGRESS, BRANCH_A, &syn));
	}
	read_table(&after);
	for (int i = 0; i < SMALL_BUCKETS; i++)
		assert_true(is_in(&after, i, 3, &before.bucket[i].flow[3]));
}

int main(void)
{
	static const char *const programs[] = { "tc_branch_ingress", "tc_branch_egress", NULL };
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(floods_take_no_place_from_others, start),
		cmocka_unit_test_setup(platform_takes_nothing_admitted, start),
		cmocka_unit_test_setup(what_is_admitted_goes_before_platform, start),
		cmocka_unit_test_setup(a_second_opinion_on_who_gives_way, start),
		cmocka_unit_test_setup(a_flood_leaves_nothing_behind, start),
		cmocka_unit_test_setup(a_clock_that_is_ahead, start),
	};

	srand(1);
	return RIG_RUN(&rig, SMALL_FLOWS, programs, tests);
}
