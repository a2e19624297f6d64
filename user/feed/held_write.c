// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Writes the state in force: the lines of held.h, and what is kept as a feed, in the words
 * that the parser reads. Called by the daemon after each change; it judges nothing.
 */
#include "feed/held.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "protocol.h"

/* --- a feed of what is kept ----------------------------------------------------- */

static void key_text(struct bg_json_writer *writer, const char *key, const char *text)
{
	bg_json_key(writer, key);
	bg_json_string(writer, text);
}

/* Numbers of a feed may be negative. */
static void key_number(struct bg_json_writer *writer, const char *key, long long number)
{
	bg_json_key(writer, key);
	if (number < 0) {
		bg_json_raw(writer, "-", 1);
		number = -number;
	}
	bg_json_number(writer, (__u64)number);
}

static void put_rule(const struct bg_model *model, const struct bg_model_rule *rule,
		     struct bg_json_writer *writer)
{
	const struct bg_set *set = &model->sets[rule->set];
	char protocol[16];

	bg_json_open(writer, '{');
	if (rule->rule_id)
		key_text(writer, "SecurityGroupRuleId", rule->rule_id);
	key_text(writer, "GroupId", model->groups[rule->group].id);
	bg_json_key(writer, "IsEgress");
	bg_json_bool(writer, rule->direction == BG_EGRESS);
	snprintf(protocol, sizeof(protocol), "%d", rule->protocol);
	key_text(writer, "IpProtocol", protocol);
	key_number(writer, "FromPort", rule->from_port);
	key_number(writer, "ToPort", rule->to_port);
	if (set->kind == BG_SET_CIDR) {
		key_text(writer,
			 set->prefix_count && bg_prefix_is_v4(&set->prefixes[0]) ? "CidrIpv4"
										 : "CidrIpv6",
			 set->name);
	} else if (set->kind == BG_SET_LIST) {
		key_text(writer, "PrefixListId", set->name);
	} else {
		bg_json_key(writer, "ReferencedGroupInfo");
		bg_json_open(writer, '{');
		key_text(writer, "GroupId", set->name);
		bg_json_close(writer, '}');
	}
	bg_json_close(writer, '}');
}

static void put_groups(const struct bg_model *model, struct bg_json_writer *writer)
{
	bg_json_key(writer, "SecurityGroups");
	bg_json_open(writer, '[');
	for (size_t i = 0; i < model->group_count; i++) {
		const struct bg_group *group = &model->groups[i];

		if (!group->kept_since_ns)
			continue;
		bg_json_open(writer, '{');
		key_text(writer, "GroupId", group->id);
		if (group->name)
			key_text(writer, "GroupName", group->name);
		bg_json_close(writer, '}');
	}
	bg_json_close(writer, ']');
	bg_json_key(writer, "SecurityGroupRules");
	bg_json_open(writer, '[');
	for (size_t i = 0; i < model->rule_count; i++)
		if (model->groups[model->rules[i].group].kept_since_ns)
			put_rule(model, &model->rules[i], writer);
	bg_json_close(writer, ']');
}

static void put_lists(const struct bg_model *model, struct bg_json_writer *writer)
{
	char text[BG_IP_TEXT];

	bg_json_key(writer, "PrefixLists");
	bg_json_open(writer, '[');
	for (size_t i = 0; i < model->set_count; i++) {
		const struct bg_set *set = &model->sets[i];

		if (!set->kept_since_ns)
			continue;
		bg_json_open(writer, '{');
		key_text(writer, "PrefixListId", set->name);
		bg_json_key(writer, "Entries");
		bg_json_open(writer, '[');
		for (size_t k = 0; k < set->prefix_count; k++) {
			bg_json_open(writer, '{');
			key_text(writer, "Cidr", bg_prefix_format(&set->prefixes[k], text));
			bg_json_close(writer, '}');
		}
		bg_json_close(writer, ']');
		bg_json_close(writer, '}');
	}
	bg_json_close(writer, ']');
}

static void put_pod(const struct bg_model_pod *pod, struct bg_json_writer *writer)
{
	static const char *const protocols[256] = {
		[IPPROTO_TCP] = "tcp",
		[IPPROTO_UDP] = "udp",
		[IPPROTO_ICMP] = "icmp",
		[IPPROTO_ICMPV6] = "icmpv6",
	};
	char text[BG_IP_TEXT];

	bg_json_open(writer, '{');
	key_text(writer, "Namespace", pod->namespace);
	key_text(writer, "Name", pod->name);
	if (*pod->host_interface)
		key_text(writer, "HostInterface", pod->host_interface);
	bg_json_key(writer, "Addresses");
	bg_json_open(writer, '[');
	for (size_t i = 0; i < pod->address_count; i++)
		bg_json_string(writer, bg_addr_format(&pod->addresses[i], text));
	bg_json_close(writer, ']');
	bg_json_key(writer, "Probes");
	bg_json_open(writer, '[');
	for (size_t i = 0; i < pod->probe_count; i++) {
		const struct bg_model_probe *probe = &pod->probes[i];

		bg_json_open(writer, '{');
		key_text(writer, "Protocol", protocols[probe->protocol & 0xff]);
		if (probe->port)
			key_number(writer, "Port", probe->port);
		bg_json_close(writer, '}');
	}
	bg_json_close(writer, ']');
	bg_json_close(writer, '}');
}

static void put_timeouts(const struct bg_timeouts *timeouts, struct bg_json_writer *writer)
{
	const struct {
		const char *key;
		__u32 seconds;
	} keys[] = {
		{ "TcpEstablishedTimeout", timeouts->tcp_established_s },
		{ "UdpStreamTimeout", timeouts->udp_stream_s },
		{ "UdpTimeout", timeouts->udp_s },
		{ "TcpHalfOpenTimeout", timeouts->tcp_half_open_s },
		{ "TcpClosingTimeout", timeouts->tcp_closing_s },
		{ "TcpClosedTimeout", timeouts->tcp_closed_s },
		{ "IcmpTimeout", timeouts->icmp_s },
		{ "OtherTimeout", timeouts->other_s },
	};

	bg_json_key(writer, "ConnectionTracking");
	bg_json_open(writer, '{');
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		key_number(writer, keys[i].key, keys[i].seconds);
	bg_json_close(writer, '}');
}

static void put_branch(const struct bg_model *model, const struct bg_model_branch *branch,
		       struct bg_json_writer *writer)
{
	bg_json_open(writer, '{');
	key_text(writer, "Id", branch->id);
	key_number(writer, "VlanId", branch->vlan);
	key_text(writer, "Interface", branch->interface);
	key_text(writer, "Mode", branch->asked_mode == BG_STRICT ? "strict" : "standard");
	bg_json_key(writer, "GroupIds");
	bg_json_open(writer, '[');
	for (size_t i = 0; i < branch->group_count; i++)
		bg_json_string(writer, model->groups[branch->groups[i]].id);
	bg_json_close(writer, ']');
	bg_json_key(writer, "Pods");
	bg_json_open(writer, '[');
	for (size_t i = 0; i < branch->pod_count; i++)
		put_pod(&branch->pods[i], writer);
	bg_json_close(writer, ']');
	put_timeouts(&branch->timeouts, writer);
	bg_json_close(writer, '}');
}

/* Of who has what is claimed twice, too, the next daemon must know that it had it. */
static bool has_a_claim(const struct bg_model *document, const struct bg_model_branch *branch)
{
	for (size_t i = 0; i < document->claim_count; i++) {
		for (size_t k = 0; k < document->claims[i].claimant_count; k++) {
			size_t claimant = document->claims[i].claimants[k].branch;

			if (!strcmp(document->branches[claimant].id, branch->id))
				return true;
		}
	}
	return false;
}

static void put_feed(const struct bg_model *model, const struct bg_model *document,
		     struct bg_json_writer *writer)
{
	bg_json_open(writer, '{');
	key_number(writer, "FeedVersion", 1);
	put_groups(model, writer);
	put_lists(model, writer);
	bg_json_key(writer, "Branches");
	bg_json_open(writer, '[');
	for (size_t i = 0; i < model->branch_count; i++)
		if (model->branches[i].kept_since_ns || has_a_claim(document, &model->branches[i]))
			put_branch(model, &model->branches[i], writer);
	bg_json_close(writer, ']');
	bg_json_close(writer, '}');
}

/* --- lines -------------------------------------------------------------------------- */

static void __attribute__((format(printf, 2, 3))) line(struct bg_json_writer *writer,
						       const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	bg_json_raw(writer, text, strlen(text));
}

static void put_branch_lines(const struct bg_model_branch *branch, struct bg_json_writer *writer)
{
	line(writer, "branch %llu %u %d %s %s\n", (unsigned long long)branch->kept_since_ns,
	     branch->ifindex, branch->vlan, branch->interface, branch->id);
	for (size_t i = 0; i < branch->pod_count; i++)
		line(writer, "pod %u %s\n", branch->pods[i].ifindex,
		     *branch->pods[i].host_interface ? branch->pods[i].host_interface : "-");
}

void bg_held_write(const struct bg_model *model, const struct bg_model *document, const char *boot,
		   unsigned int slot, const char *sha256, struct bg_json_writer *writer)
{
	struct bg_json_writer feed = {};

	put_feed(model, document, &feed);
	bg_json_clear(writer);
	line(writer, "branchguard held 1\nboot %s\ntext %u %s\n", boot, slot, sha256);
	for (size_t i = 0; i < model->branch_count; i++)
		put_branch_lines(&model->branches[i], writer);
	for (size_t i = 0; i < model->group_count; i++)
		if (model->groups[i].kept_since_ns)
			line(writer, "group %llu %s\n",
			     (unsigned long long)model->groups[i].kept_since_ns,
			     model->groups[i].id);
	for (size_t i = 0; i < model->set_count; i++)
		if (model->sets[i].kept_since_ns)
			line(writer, "list %llu %s\n",
			     (unsigned long long)model->sets[i].kept_since_ns, model->sets[i].name);
	line(writer, "feed %zu\n", feed.length_bytes);
	bg_json_raw(writer, feed.text, feed.length_bytes);
	writer->failed |= feed.failed;
	bg_json_writer_free(&feed);
}
