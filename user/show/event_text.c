// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * How an event is shown: a line for people, an object for programs. The daemon writes
 * objects for its listeners, `monitor` prints either. It looks nothing up: names come from
 * the caller, or are not known.
 */
#include "show/event_text.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/format.h"
#include "base/ip.h"
#include "base/names.h"
#include "base/printable.h"
#include "protocol.h"

static bool has_addresses(const struct bg_event *event)
{
	static const struct bg_addr none;

	return memcmp(&event->local, &none, sizeof(none)) != 0 ||
	       memcmp(&event->remote, &none, sizeof(none)) != 0;
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

/* The rule that admitted it, or why it was dropped, in a few words. */
static void print_why(FILE *out, const struct bg_event *event, const struct bg_event_names *names)
{
	char text[BG_RULE_TEXT + BG_EVENT_GROUPS_BYTES];

	if (names->rule_text) {
		snprintf(text, sizeof(text), "%s", names->rule_text);
		fprintf(out, ", %s", bg_printable(text));
	} else if (event->type != BG_EVENT_DROP) {
		return;
	} else if (event->reason != BG_REASON_NO_RULE || !names->branch) {
		fprintf(out, " (%s)", bg_reason_meaning(event->reason));
	} else if (names->groups && names->groups[0]) {
		snprintf(text, sizeof(text), "%s", names->groups);
		fprintf(out, " in %s", bg_printable(text));
	} else {
		fputs(", the branch has no groups", out);
	}
}

void bg_event_print(FILE *out, const struct bg_event *event, const struct bg_event_names *names)
{
	char id[BG_FORMAT_TEXT], reason[BG_FORMAT_TEXT], when[BG_FORMAT_TEXT];

	if (names->branch)
		snprintf(id, sizeof(id), "%s", names->branch);
	else
		snprintf(id, sizeof(id), event->vlan ? "VLAN %u" : "(no branch)", event->vlan);
	snprintf(reason, sizeof(reason), "%s", names->reason);
	snprintf(when, sizeof(when), "%s", names->time);
	fprintf(out, "%s %s %-14s %-7s", bg_printable(when),
		event->type == BG_EVENT_DROP ? "drop" : "flow", bg_printable(id),
		bg_direction_name(event->direction));
	print_ends(out, event);
	fprintf(out, " %u bytes: %s", event->length_bytes, bg_printable(reason));
	print_why(out, event, names);
	fputc('\n', out);
}

static void write_or_null(struct bg_json_writer *w, const char *key, __u32 value)
{
	bg_json_key(w, key);
	if (value)
		bg_json_number(w, value);
	else
		bg_json_null(w);
}

static void write_ends(struct bg_json_writer *w, const struct bg_event *event)
{
	char protocol[BG_PROTOCOL_TEXT], local[BG_IP_TEXT], remote[BG_IP_TEXT];

	if (!has_addresses(event))
		return;
	bg_json_key(w, "protocol");
	bg_json_plain(w, bg_protocol_format(event->protocol, protocol));
	bg_json_key(w, "local");
	bg_json_plain(w, bg_addr_format(&event->local, local));
	bg_json_key(w, "remote");
	bg_json_plain(w, bg_addr_format(&event->remote, remote));
	if (bg_has_ports(event->protocol)) {
		bg_json_key(w, "local_port");
		bg_json_number(w, ntohs(event->local_port));
		bg_json_key(w, "remote_port");
		bg_json_number(w, ntohs(event->remote_port));
	}
	if (bg_is_icmp(event->protocol)) {
		bg_json_key(w, "icmp_type");
		bg_json_number(w, event->icmp_type);
		bg_json_key(w, "icmp_code");
		bg_json_number(w, event->icmp_code);
	}
}

static void write_groups(struct bg_json_writer *w, const char *groups)
{
	bg_json_key(w, "groups");
	bg_json_open(w, '[');
	while (*groups) {
		size_t length = strcspn(groups, ",");
		char id[BG_EVENT_GROUPS_BYTES];

		snprintf(id, sizeof(id), "%.*s", (int)length, groups);
		bg_json_string(w, id);
		groups += length + (groups[length] == ',');
	}
	bg_json_close(w, ']');
}

void bg_event_write(struct bg_json_writer *w, const struct bg_event *event,
		    const struct bg_event_names *names)
{
	bg_json_open(w, '{');
	bg_json_key(w, "time");
	bg_json_string(w, names->time);
	bg_json_key(w, "time_ns");
	bg_json_number(w, event->time_ns);
	bg_json_key(w, "event");
	bg_json_plain(w, event->type == BG_EVENT_DROP ? "drop" : "flow");
	bg_json_key(w, "branch");
	bg_json_string(w, names->branch);
	write_or_null(w, "vlan", event->vlan);
	bg_json_key(w, "ifindex");
	bg_json_number(w, event->ifindex);
	bg_json_key(w, "direction");
	bg_json_plain(w, bg_direction_name(event->direction));
	write_ends(w, event);
	bg_json_key(w, "length_bytes");
	bg_json_number(w, event->length_bytes);
	bg_json_key(w, "reason");
	bg_json_string(w, names->reason);
	/* what the missing rule would have to be added to */
	if (event->reason == BG_REASON_NO_RULE && names->groups)
		write_groups(w, names->groups);
	write_or_null(w, "rule", event->rule);
	bg_json_key(w, "group_id");
	bg_json_string(w, names->group_id);
	bg_json_key(w, "rule_id");
	bg_json_string(w, names->rule_id);
	bg_json_key(w, "rule_text");
	bg_json_string(w, names->rule_text);
	bg_json_key(w, "revision");
	bg_json_number(w, event->revision);
	bg_json_close(w, '}');
}

static const char *text_of(const json_t *json, const char *key)
{
	return json_string_value(json_object_get(json, key));
}

static __u32 number_of(const json_t *json, const char *key)
{
	return (__u32)json_integer_value(json_object_get(json, key));
}

static void read_ends(const json_t *json, struct bg_event *event)
{
	const char *protocol = text_of(json, "protocol"), *local = text_of(json, "local"),
		   *remote = text_of(json, "remote");
	int number = protocol ? bg_protocol_parse(protocol) : -1;

	if (number < 0 || !local || !remote || bg_addr_parse(local, &event->local) ||
	    bg_addr_parse(remote, &event->remote))
		return;
	event->protocol = (__u8)number;
	event->local_port = htons((__u16)number_of(json, "local_port"));
	event->remote_port = htons((__u16)number_of(json, "remote_port"));
	event->icmp_type = (__u8)number_of(json, "icmp_type");
	event->icmp_code = (__u8)number_of(json, "icmp_code");
}

static void join_groups(const json_t *list, char groups[BG_EVENT_GROUPS_BYTES])
{
	const json_t *id;
	size_t used = 0, i;

	groups[0] = '\0';
	json_array_foreach (list, i, id) {
		if (used < BG_EVENT_GROUPS_BYTES)
			used += snprintf(groups + used, BG_EVENT_GROUPS_BYTES - used, "%s%s",
					 i ? "," : "", json_string_value(id) ?: "");
	}
}

bool bg_event_read(const json_t *json, struct bg_event *event, struct bg_event_names *names,
		   char groups[BG_EVENT_GROUPS_BYTES])
{
	const char *type = text_of(json, "event"), *direction = text_of(json, "direction");
	const json_t *list = json_object_get(json, "groups");
	int reason;

	*event = (struct bg_event){};
	*names = (struct bg_event_names){
		.time = text_of(json, "time"),
		.reason = text_of(json, "reason"),
		.branch = text_of(json, "branch"),
		.group_id = text_of(json, "group_id"),
		.rule_id = text_of(json, "rule_id"),
		.rule_text = text_of(json, "rule_text"),
	};
	if (!type || !direction || !names->time || !names->reason ||
	    (strcmp(type, "drop") != 0 && strcmp(type, "flow") != 0))
		return false;
	if (list) {
		join_groups(list, groups);
		names->groups = groups;
	}
	reason = bg_reason_find(names->reason);
	event->time_ns = (__u64)json_integer_value(json_object_get(json, "time_ns"));
	event->type = type[0] == 'd' ? BG_EVENT_DROP : BG_EVENT_FLOW;
	event->reason = reason < 0 ? BG_REASON_NONE : reason;
	event->direction = !strcmp(direction, "egress") ? BG_EGRESS : BG_INGRESS;
	event->vlan = number_of(json, "vlan");
	event->ifindex = number_of(json, "ifindex");
	event->rule = number_of(json, "rule");
	event->revision = number_of(json, "revision");
	event->length_bytes = number_of(json, "length_bytes");
	read_ends(json, event);
	return true;
}
