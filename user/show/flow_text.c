// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * How `flows`, and status when it counts, read a flow: its state, its direction, what is
 * left of its time; and the row, line or object that `flows` prints. It reads no map and
 * changes no flow.
 */
#include "show/flow_text.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/ip.h"
#include "base/names.h"
#include "base/printable.h"
#include "protocol.h"

/* IN and OUT are packets/bytes toward and from the pod. */
const char *const bg_flow_heads[BG_FLOW_COLUMNS] = { "BRANCH", "PROTO", "POD",	 "",	  "REMOTE",
						     "STATE",  "^AGE",	"^IDLE", "^LEFT", "^IN",
						     "^OUT",   "^REV",	"RULE" };

/* The datapath's clock advances in ticks, so a flow may begin a little after `now_ns`. */
static __u64 since_ns(__u64 then_ns, __u64 now_ns)
{
	return now_ns > then_ns ? now_ns - then_ns : 0;
}

static int compare_tag(const void *tag, const void *branch)
{
	__u32 x = *(const __u32 *)tag, y = ((const struct bg_branch_row *)branch)->info.tag;

	return (x > y) - (x < y);
}

static int by_tag(const void *a, const void *b)
{
	return compare_tag(&((const struct bg_branch_row *)a)->info.tag, b);
}

void bg_flow_sort_branches(struct bg_branch_row *branches, size_t count)
{
	if (count)
		qsort(branches, count, sizeof(*branches), by_tag);
}

static const struct bg_branch_row *branch_of(const struct bg_flow *flow,
					     const struct bg_flow_names *names)
{
	const __u32 tag = bg_flow_tag(&flow->key);

	return names->branch_count ? bsearch(&tag, names->branches, names->branch_count,
					     sizeof(*names->branches), compare_tag)
				   : NULL;
}

static const char *branch_name(const struct bg_flow *flow, const struct bg_flow_names *names,
			       char *text)
{
	const struct bg_branch_row *branch = branch_of(flow, names);

	if (branch)
		snprintf(text, BG_FORMAT_TEXT, "%s", branch->info.id);
	else
		snprintf(text, BG_FORMAT_TEXT, "(gone, tag %u)", bg_flow_tag(&flow->key));
	return bg_printable(text);
}

/* "tcp"; "icmp#4711" with the identifier of this ping, so that two can be told apart. */
static const char *protocol_name(const struct bg_flow *flow, char *text)
{
	char protocol[BG_PROTOCOL_TEXT];

	bg_protocol_format(flow->key.protocol, protocol);
	if (bg_is_icmp(flow->key.protocol))
		snprintf(text, BG_FORMAT_TEXT, "%s#%u", protocol, ntohs(flow->key.local_port));
	else
		snprintf(text, BG_FORMAT_TEXT, "%s", protocol);
	return text;
}

static const struct bg_rule *rule_of(__u32 number, const struct bg_flow_names *names)
{
	bool known = number && number < names->rule_count && names->rules[number].group[0];

	return known ? &names->rules[number] : NULL;
}

/* The rule that admitted the flow, or what else did. */
static const char *admitted_by(const struct bg_flow *flow, const struct bg_flow_names *names,
			       char *text)
{
	bg_format_rule(rule_of(flow->rule, names), text);
	if (text[0])
		return bg_printable(text);
	if (flow->flags & BG_FLOW_PLATFORM)
		snprintf(text, BG_RULE_TEXT, "(platform traffic)");
	else if (flow->flags & BG_FLOW_PROBE)
		snprintf(text, BG_RULE_TEXT, "(declared probe)");
	else if (flow->rule)
		snprintf(text, BG_RULE_TEXT, "(rule %u, removed since)", flow->rule);
	else
		snprintf(text, BG_RULE_TEXT, "(no rule)");
	return text;
}

static const char *arrow(const struct bg_flow *flow)
{
	return bg_flow_direction(flow) == BG_EGRESS ? "->" : "<-";
}

static const char *traffic(const struct bg_flow *flow, enum bg_direction direction, char *text)
{
	char packets[BG_FORMAT_TEXT], bytes[BG_FORMAT_TEXT];

	snprintf(text, BG_FORMAT_TEXT, "%s/%s", bg_format_short(flow->packets[direction], packets),
		 bg_format_short(flow->bytes[direction], bytes));
	return text;
}

void bg_flow_cells(const struct bg_flow *flow, const struct bg_flow_names *names, __u64 now_ns,
		   char cells[BG_FLOW_COLUMNS][BG_RULE_TEXT])
{
	bool ports = bg_has_ports(flow->key.protocol);

	branch_name(flow, names, cells[0]);
	protocol_name(flow, cells[1]);
	bg_format_endpoint(&flow->key.local, flow->key.local_port, ports, cells[2]);
	snprintf(cells[3], BG_RULE_TEXT, "%s", arrow(flow));
	bg_format_endpoint(&flow->key.remote, flow->key.remote_port, ports, cells[4]);
	snprintf(cells[5], BG_RULE_TEXT, "%s", bg_flow_state(flow));
	bg_format_age(since_ns(flow->created_ns, now_ns), cells[6]);
	bg_format_age(since_ns(flow->last_seen_ns, now_ns), cells[7]);
	bg_format_age(bg_flow_left_ns(flow, now_ns), cells[8]);
	traffic(flow, BG_INGRESS, cells[9]);
	traffic(flow, BG_EGRESS, cells[10]);
	snprintf(cells[11], BG_RULE_TEXT, "r%u", flow->revision);
	admitted_by(flow, names, cells[12]);
}

void bg_flow_print_line(FILE *out, const struct bg_flow *flow, const struct bg_flow_names *names,
			__u64 now_ns)
{
	bool ports = bg_has_ports(flow->key.protocol);
	char branch[BG_FORMAT_TEXT], protocol[BG_FORMAT_TEXT], local[BG_FORMAT_TEXT],
		remote[BG_FORMAT_TEXT];
	char age[BG_FORMAT_TEXT], in[BG_FORMAT_TEXT], to[BG_FORMAT_TEXT], rule[BG_RULE_TEXT];

	fprintf(out, "%-14s %-5s %s %s %s %s age=%s in=%s out=%s %s",
		branch_name(flow, names, branch), protocol_name(flow, protocol),
		bg_format_endpoint(&flow->key.local, flow->key.local_port, ports, local),
		arrow(flow),
		bg_format_endpoint(&flow->key.remote, flow->key.remote_port, ports, remote),
		bg_flow_state(flow), bg_format_age(since_ns(flow->created_ns, now_ns), age),
		traffic(flow, BG_INGRESS, in), traffic(flow, BG_EGRESS, to),
		admitted_by(flow, names, rule));
}

static void write_text(struct bg_json_writer *w, const char *key, const char *text)
{
	bg_json_key(w, key);
	bg_json_string(w, text);
}

static void write_plain(struct bg_json_writer *w, const char *key, const char *text)
{
	bg_json_key(w, key);
	bg_json_plain(w, text);
}

static void write_number(struct bg_json_writer *w, const char *key, __u64 number)
{
	bg_json_key(w, key);
	bg_json_number(w, number);
}

static void write_flag(struct bg_json_writer *w, const char *key, bool flag)
{
	bg_json_key(w, key);
	bg_json_bool(w, flag);
}

/* To the millisecond: the clock's tick makes the rest meaningless. */
static void write_seconds(struct bg_json_writer *w, const char *key, __u64 duration_ns)
{
	bg_json_key(w, key);
	bg_json_ms(w, duration_ns / BG_NS_PER_MS);
}

static void write_both(struct bg_json_writer *w, const char *key, __u64 ingress, __u64 egress)
{
	bg_json_key(w, key);
	bg_json_open(w, '{');
	write_number(w, "ingress", ingress);
	write_number(w, "egress", egress);
	bg_json_close(w, '}');
}

static void write_ends(struct bg_json_writer *w, const struct bg_flow *flow)
{
	__u16 local_port = ntohs(flow->key.local_port), remote_port = ntohs(flow->key.remote_port);
	char protocol[BG_PROTOCOL_TEXT], local[BG_IP_TEXT], remote[BG_IP_TEXT];

	write_plain(w, "direction", bg_direction_name(bg_flow_direction(flow)));
	write_plain(w, "protocol", bg_protocol_format(flow->key.protocol, protocol));
	write_plain(w, "local", bg_addr_format(&flow->key.local, local));
	write_plain(w, "remote", bg_addr_format(&flow->key.remote, remote));
	if (bg_has_ports(flow->key.protocol)) {
		write_number(w, "local_port", local_port);
		write_number(w, "remote_port", remote_port);
	} else if (bg_is_icmp(flow->key.protocol)) {
		write_number(w, "icmp_id", local_port);
		write_number(w, "icmp_type", bg_flow_icmp_type(&flow->key));
	}
}

static void write_branch(struct bg_json_writer *w, const struct bg_flow *flow,
			 const struct bg_flow_names *names)
{
	const struct bg_branch_row *branch = branch_of(flow, names);

	write_text(w, "branch", branch ? branch->info.id : NULL);
	bg_json_key(w, "vlan");
	if (branch)
		bg_json_number(w, branch->vlan);
	else
		bg_json_null(w);
}

static void write_rule(struct bg_json_writer *w, __u32 number, const struct bg_flow_names *names)
{
	const struct bg_rule *rule = rule_of(number, names);

	bg_json_key(w, "rule");
	if (number)
		bg_json_number(w, number);
	else
		bg_json_null(w);
	write_text(w, "group_id", rule ? rule->group : NULL);
	write_text(w, "rule_id", rule && rule->rule_id[0] ? rule->rule_id : NULL);
}

/* Of one that has just begun, an event does not tell it. */
static void write_left(struct bg_json_writer *w, const struct bg_flow *flow, __u64 now_ns)
{
	if (flow->timeout_s) {
		write_seconds(w, "left_s", bg_flow_left_ns(flow, now_ns));
		write_number(w, "timeout_s", flow->timeout_s);
		return;
	}
	bg_json_key(w, "left_s");
	bg_json_null(w);
	bg_json_key(w, "timeout_s");
	bg_json_null(w);
}

/* The connection that takes its place once its handshake is complete. */
static void write_next(struct bg_json_writer *w, const struct bg_flow *flow,
		       const struct bg_flow_names *names)
{
	bool egress = flow->next.flags & BG_FLOW_EGRESS;

	bg_json_key(w, "next");
	if (!(flow->flags & BG_FLOW_NEXT)) {
		bg_json_null(w);
		return;
	}
	bg_json_open(w, '{');
	write_plain(w, "direction", bg_direction_name(egress ? BG_EGRESS : BG_INGRESS));
	write_rule(w, flow->next.rule, names);
	write_number(w, "revision", flow->next.revision);
	bg_json_close(w, '}');
}

void bg_flow_write(struct bg_json_writer *w, const struct bg_flow *flow,
		   const struct bg_flow_names *names, struct bg_calendar *calendar, __u64 now_ns)
{
	char created[BG_CALENDAR_TEXT];
	const __u32 flags = flow->flags;

	bg_json_open(w, '{');
	write_branch(w, flow, names);
	write_ends(w, flow);
	write_plain(w, "state", bg_flow_state(flow));
	write_rule(w, flow->rule, names);
	write_flag(w, "platform", flags & BG_FLOW_PLATFORM);
	write_flag(w, "probe", flags & BG_FLOW_PROBE);
	write_flag(w, "local_service", flags & BG_FLOW_LOCAL_SERVICE);
	write_flag(w, "midstream", flags & BG_FLOW_MIDSTREAM);
	write_number(w, "revision", flow->revision);
	write_next(w, flow, names);
	write_both(w, "packets", flow->packets[BG_INGRESS], flow->packets[BG_EGRESS]);
	write_both(w, "bytes", flow->bytes[BG_INGRESS], flow->bytes[BG_EGRESS]);
	write_plain(w, "created", bg_calendar_format(calendar, flow->created_ns, created));
	write_seconds(w, "age_s", since_ns(flow->created_ns, now_ns));
	write_seconds(w, "idle_s", since_ns(flow->last_seen_ns, now_ns));
	write_left(w, flow, now_ns);
	bg_json_close(w, '}');
}

const char *bg_flow_state(const struct bg_flow *flow)
{
	const __u32 both = BG_FLOW_FIN_LOCAL | BG_FLOW_FIN_REMOTE;
	bool tcp = flow->key.protocol == IPPROTO_TCP;

	if (flow->flags & BG_FLOW_RESET || (flow->flags & both) == both)
		return "closed";
	if (flow->flags & both)
		return "closing";
	if (flow->flags & BG_FLOW_ASSURED)
		return flow->key.protocol == IPPROTO_UDP ? "stream" : "assured";
	if (flow->flags & BG_FLOW_REPLIED)
		return "replied";
	return tcp ? "half-open" : "one-way";
}

enum bg_direction bg_flow_direction(const struct bg_flow *flow)
{
	return flow->flags & BG_FLOW_EGRESS ? BG_EGRESS : BG_INGRESS;
}

__u64 bg_flow_left_ns(const struct bg_flow *flow, __u64 now_ns)
{
	__u64 end_ns = flow->last_seen_ns + flow->timeout_s * BG_NS_PER_S;

	return end_ns > now_ns ? end_ns - now_ns : 0;
}
