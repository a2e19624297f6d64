// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * How `flows`, and status when it counts, read a flow: its state, its direction, what is
 * left of its time; and the row, line or object that `flows` prints. It reads no map and
 * changes no flow.
 */
#include "show/flow_text.h"

#include <arpa/inet.h>
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

static const char *branch_name(const struct bg_flow *flow, const struct bg_flow_names *names,
			       char *text)
{
	const struct bg_branch_row *branch =
		bg_branch_of_tag(names->branches, names->branch_count, flow->key.branch);

	if (branch)
		snprintf(text, BG_FORMAT_TEXT, "%s", branch->info.id);
	else
		snprintf(text, BG_FORMAT_TEXT, "(gone, tag %u)", flow->key.branch);
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

static const struct bg_rule *rule_of(const struct bg_flow *flow, const struct bg_flow_names *names)
{
	bool known = flow->rule && flow->rule < names->rule_count &&
		     names->rules[flow->rule].group[0];

	return known ? &names->rules[flow->rule] : NULL;
}

/* The rule that admitted the flow, or what else did. */
static const char *admitted_by(const struct bg_flow *flow, const struct bg_flow_names *names,
			       char *text)
{
	bg_format_rule(rule_of(flow, names), text);
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

int bg_flow_add_row(struct bg_table *table, const struct bg_flow *flow,
		    const struct bg_flow_names *names, __u64 now_ns)
{
	bool ports = bg_has_ports(flow->key.protocol);
	char cells[BG_FLOW_COLUMNS][BG_RULE_TEXT];
	int rc = 0;

	branch_name(flow, names, cells[0]);
	protocol_name(flow, cells[1]);
	bg_format_endpoint(&flow->key.local, flow->key.local_port, ports, cells[2]);
	snprintf(cells[3], sizeof(cells[3]), "%s", arrow(flow));
	bg_format_endpoint(&flow->key.remote, flow->key.remote_port, ports, cells[4]);
	snprintf(cells[5], sizeof(cells[5]), "%s", bg_flow_state(flow));
	bg_format_age(since_ns(flow->created_ns, now_ns), cells[6]);
	bg_format_age(since_ns(flow->last_seen_ns, now_ns), cells[7]);
	bg_format_age(bg_flow_left_ns(flow, now_ns), cells[8]);
	traffic(flow, BG_INGRESS, cells[9]);
	traffic(flow, BG_EGRESS, cells[10]);
	snprintf(cells[11], sizeof(cells[11]), "r%u", flow->revision);
	admitted_by(flow, names, cells[12]);
	for (int i = 0; i < BG_FLOW_COLUMNS && !rc; i++)
		rc = bg_table_add(table, cells[i]);
	return rc;
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

static int set(json_t *object, const char *key, json_t *value)
{
	return json_object_set_new(object, key, value);
}

static int set_ports(json_t *object, const struct bg_flow *flow)
{
	__u16 local = ntohs(flow->key.local_port), remote = ntohs(flow->key.remote_port);

	if (bg_has_ports(flow->key.protocol))
		return set(object, "local_port", json_integer(local))
			       ?: set(object, "remote_port", json_integer(remote));
	if (bg_is_icmp(flow->key.protocol))
		return set(object, "icmp_id", json_integer(local))
			       ?: set(object, "icmp_type", json_integer(remote));
	return 0;
}

static int set_rule(json_t *object, const struct bg_flow *flow, const struct bg_flow_names *names)
{
	const struct bg_rule *rule = rule_of(flow, names);

	return set(object, "rule", flow->rule ? json_integer(flow->rule) : json_null()) ?:
	       set(object, "group_id", rule ? bg_json_text(rule->group) : json_null()) ?:
	       set(object, "rule_id",
		   rule && rule->rule_id[0] ? bg_json_text(rule->rule_id) : json_null());
}

/* To the millisecond: the clock's tick makes the rest meaningless. */
static json_t *seconds(__u64 duration_ns)
{
	const __u64 duration_ms = duration_ns / BG_NS_PER_MS;

	return json_real((double)duration_ms / 1000);
}

static json_t *by_direction(__u64 ingress, __u64 egress)
{
	return json_pack("{s:I, s:I}", "ingress", (json_int_t)ingress, "egress",
			 (json_int_t)egress);
}

json_t *bg_flow_json(const struct bg_flow *flow, const struct bg_flow_names *names, __u64 now_ns)
{
	const struct bg_branch_row *branch =
		bg_branch_of_tag(names->branches, names->branch_count, flow->key.branch);
	char protocol[BG_PROTOCOL_TEXT], local[BG_IP_TEXT], remote[BG_IP_TEXT],
		text[BG_FORMAT_TEXT];
	json_t *o = json_object();
	__u16 flags = flow->flags;

	if (o &&
	    !(set(o, "branch", branch ? bg_json_text(branch->info.id) : json_null()) ?:
	      set(o, "vlan", branch ? json_integer(branch->vlan) : json_null()) ?:
	      set(o, "direction", json_string(bg_direction_name(bg_flow_direction(flow)))) ?:
	      set(o, "protocol",
		  json_string(bg_protocol_format(flow->key.protocol, protocol))) ?:
	      set(o, "local", json_string(bg_addr_format(&flow->key.local, local))) ?:
	      set(o, "remote", json_string(bg_addr_format(&flow->key.remote, remote))) ?:
	      set_ports(o, flow) ?:
	      set(o, "state", json_string(bg_flow_state(flow))) ?:
	      set_rule(o, flow, names) ?:
	      set(o, "platform", json_boolean(flags & BG_FLOW_PLATFORM)) ?:
	      set(o, "probe", json_boolean(flags & BG_FLOW_PROBE)) ?:
	      set(o, "local_service", json_boolean(flags & BG_FLOW_LOCAL_SERVICE)) ?:
	      set(o, "midstream", json_boolean(flags & BG_FLOW_MIDSTREAM)) ?:
	      set(o, "revision", json_integer(flow->revision)) ?:
	      set(o, "packets", by_direction(flow->packets[BG_INGRESS], flow->packets[BG_EGRESS])) ?:
	      set(o, "bytes", by_direction(flow->bytes[BG_INGRESS], flow->bytes[BG_EGRESS])) ?:
	      set(o, "created", json_string(bg_format_monotonic(flow->created_ns, text))) ?:
	      set(o, "age_s", seconds(since_ns(flow->created_ns, now_ns))) ?:
	      set(o, "idle_s", seconds(since_ns(flow->last_seen_ns, now_ns))) ?:
	      set(o, "left_s", seconds(bg_flow_left_ns(flow, now_ns))) ?:
	      set(o, "timeout_s", json_integer(flow->timeout_s))))
		return o;
	json_decref(o);
	return NULL;
}

const char *bg_flow_state(const struct bg_flow *flow)
{
	const __u16 both = BG_FLOW_FIN_LOCAL | BG_FLOW_FIN_REMOTE;
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
