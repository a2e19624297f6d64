// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * How `monitor`, the only caller, shows one event: a line for people, an object for
 * programs. It looks nothing up: branch and rule come from the caller, or are not known.
 */
#include "show/event_text.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/format.h"
#include "base/ip.h"
#include "base/names.h"
#include "protocol.h"

static bool has_addresses(const struct bg_event *event)
{
	static const struct bg_addr none;

	return memcmp(&event->local, &none, sizeof(none)) != 0 ||
	       memcmp(&event->remote, &none, sizeof(none)) != 0;
}

static const char *reason_name(const struct bg_event *event, char *text)
{
	const char *name = bg_reason_name(event->reason);

	if (name)
		return name;
	snprintf(text, BG_FORMAT_TEXT, "reason-%d", (int)event->reason);
	return text;
}

static void print_ends(FILE *out, const struct bg_event *event)
{
	bool ports = bg_has_ports(event->protocol);
	char protocol[BG_PROTOCOL_TEXT], local[BG_FORMAT_TEXT], remote[BG_FORMAT_TEXT];

	/* what could not be parsed has no ends */
	if (!has_addresses(event))
		return;
	fprintf(out, " %s %s %s %s", bg_protocol_format(event->protocol, protocol),
		bg_format_endpoint(&event->local, event->local_port, ports, local),
		event->direction == BG_EGRESS ? "->" : "<-",
		bg_format_endpoint(&event->remote, event->remote_port, ports, remote));
	if (bg_is_icmp(event->protocol))
		fprintf(out, " type %u code %u", event->icmp_type, event->icmp_code);
}

void bg_event_print(FILE *out, const struct bg_event *event, const struct bg_branch_row *branch,
		    const struct bg_rule *rule)
{
	char when[BG_FORMAT_TEXT], reason[BG_FORMAT_TEXT], text[BG_RULE_TEXT], id[BG_FORMAT_TEXT];

	if (branch)
		snprintf(id, sizeof(id), "%s", branch->info.id);
	else
		snprintf(id, sizeof(id), event->vlan ? "VLAN %u" : "(no branch)", event->vlan);
	fprintf(out, "%s %s %-14s %-7s", bg_format_monotonic(event->time_ns, when),
		event->type == BG_EVENT_DROP ? "drop" : "flow", bg_printable(id),
		bg_direction_name(event->direction));
	print_ends(out, event);
	fprintf(out, " %u bytes: %s", event->length_bytes, reason_name(event, reason));
	bg_format_rule(rule, text);
	if (text[0])
		fprintf(out, ", %s", bg_printable(text));
	else if (event->type == BG_EVENT_DROP && event->reason == BG_REASON_NO_RULE && branch) {
		char groups[sizeof(branch->info.groups)];

		memcpy(groups, branch->info.groups, sizeof(groups));
		if (groups[0])
			fprintf(out, " in %s", bg_printable(groups));
		else
			fputs(", the branch has no groups", out);
	} else if (event->type == BG_EVENT_DROP) {
		fprintf(out, " (%s)", bg_reason_meaning(event->reason));
	}
	fputc('\n', out);
}

static int set(json_t *object, const char *key, json_t *value)
{
	return json_object_set_new(object, key, value);
}

static int set_ends(json_t *o, const struct bg_event *event)
{
	char protocol[BG_PROTOCOL_TEXT], local[BG_IP_TEXT], remote[BG_IP_TEXT];
	int rc;

	if (!has_addresses(event))
		return 0;
	rc = set(o, "protocol", json_string(bg_protocol_format(event->protocol, protocol))) ?:
	     set(o, "local", json_string(bg_addr_format(&event->local, local))) ?:
	     set(o, "remote", json_string(bg_addr_format(&event->remote, remote)));
	if (!rc && bg_has_ports(event->protocol))
		rc = set(o, "local_port", json_integer(ntohs(event->local_port)))
			     ?: set(o, "remote_port", json_integer(ntohs(event->remote_port)));
	if (!rc && bg_is_icmp(event->protocol))
		rc = set(o, "icmp_type", json_integer(event->icmp_type))
			     ?: set(o, "icmp_code", json_integer(event->icmp_code));
	return rc;
}

json_t *bg_event_json(const struct bg_event *event, const struct bg_branch_row *branch,
		      const struct bg_rule *rule)
{
	const char *type = event->type == BG_EVENT_DROP ? "drop" : "flow";
	bool ruled = rule && rule->group[0];
	char text[BG_FORMAT_TEXT], reason[BG_FORMAT_TEXT];
	json_t *o = json_object();

	if (o &&
	    !(set(o, "time", json_string(bg_format_monotonic(event->time_ns, text))) ?:
	      set(o, "event", json_string(type)) ?:
	      set(o, "branch", branch ? bg_json_text(branch->info.id) : json_null()) ?:
	      set(o, "vlan", event->vlan ? json_integer(event->vlan) : json_null()) ?:
	      set(o, "ifindex", json_integer(event->ifindex)) ?:
	      set(o, "direction", json_string(bg_direction_name(event->direction))) ?:
	      set_ends(o, event) ?:
	      set(o, "length_bytes", json_integer(event->length_bytes)) ?:
	      set(o, "reason", json_string(reason_name(event, reason))) ?:
	      set(o, "rule", event->rule ? json_integer(event->rule) : json_null()) ?:
	      set(o, "group_id", ruled ? bg_json_text(rule->group) : json_null()) ?:
	      set(o, "rule_id",
		  ruled && rule->rule_id[0] ? bg_json_text(rule->rule_id) : json_null()) ?:
	      set(o, "revision", json_integer(event->revision))))
		return o;
	json_decref(o);
	return NULL;
}
