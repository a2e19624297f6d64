// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The one place that says how a number or a time is written for people. The verbs,
 * show/, explain/ and the lints call it; it never prints.
 */
#include "base/format.h"

#include <arpa/inet.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/ip.h"
#include "base/names.h"
#include "protocol.h"

const char *bg_format_count(__u64 count, char *text)
{
	char digits[24];
	int length = snprintf(digits, sizeof(digits), "%llu", count);
	size_t used = 0;

	for (int i = 0; i < length; i++) {
		if (i && (length - i) % 3 == 0)
			text[used++] = ',';
		text[used++] = digits[i];
	}
	text[used] = '\0';
	return text;
}

const char *bg_format_counted(__u64 count, const char *noun, char *text)
{
	size_t used = strlen(bg_format_count(count, text));

	snprintf(text + used, BG_FORMAT_TEXT - used, " %s%s", noun, count == 1 ? "" : "s");
	return text;
}

const char *bg_format_change(__s64 count, __s32 added, __s32 removed, char *text)
{
	if (added < 0 || removed < 0)
		snprintf(text, BG_FORMAT_TEXT, "%lld", count);
	else
		snprintf(text, BG_FORMAT_TEXT, "%lld(+%d/-%d)", count, added, removed);
	return text;
}

const char *bg_format_short(__u64 count, char *text)
{
	static const char units[] = "kMGTPE";
	double scaled = (double)count / 1000;
	size_t unit = 0;

	if (count < 10000) {
		snprintf(text, BG_FORMAT_TEXT, "%llu", count);
		return text;
	}
	/* 999.95 would be printed as 1000.0 */
	while (scaled >= 999.95 && unit < sizeof(units) - 2) {
		scaled /= 1000;
		unit++;
	}
	snprintf(text, BG_FORMAT_TEXT, scaled >= 99.95 ? "%.0f%c" : "%.1f%c", scaled, units[unit]);
	return text;
}

const char *bg_format_bytes(__u64 bytes, char *text)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double scaled = (double)bytes;
	size_t unit = 0;

	while (scaled >= 1023.95 && unit < sizeof(units) / sizeof(units[0]) - 1) {
		scaled /= 1024;
		unit++;
	}
	snprintf(text, BG_FORMAT_TEXT, unit && scaled < 99.95 ? "%.1f %s" : "%.0f %s", scaled,
		 units[unit]);
	return text;
}

const char *bg_format_duration(__u64 duration_ns, char *text)
{
	__u64 s = duration_ns / BG_NS_PER_S;

	if (s < 10)
		snprintf(text, BG_FORMAT_TEXT, "%llu.%llu s", s,
			 duration_ns / (BG_NS_PER_S / 10) % 10);
	else if (s < 60)
		snprintf(text, BG_FORMAT_TEXT, "%llu s", s);
	else if (s < 3600)
		snprintf(text, BG_FORMAT_TEXT, "%llu min %llu s", s / 60, s % 60);
	else if (s < 86400)
		snprintf(text, BG_FORMAT_TEXT, "%llu h %llu min", s / 3600, s % 3600 / 60);
	else
		snprintf(text, BG_FORMAT_TEXT, "%llu d %llu h", s / 86400, s % 86400 / 3600);
	return text;
}

const char *bg_format_age(__u64 duration_ns, char *text)
{
	__u64 s = duration_ns / BG_NS_PER_S;

	if (s < 600)
		snprintf(text, BG_FORMAT_TEXT, "%llus", s);
	else if (s < 36000)
		snprintf(text, BG_FORMAT_TEXT, "%llum", s / 60);
	else if (s < 864000)
		snprintf(text, BG_FORMAT_TEXT, "%lluh", s / 3600);
	else
		snprintf(text, BG_FORMAT_TEXT, "%llud", s / 86400);
	return text;
}

/* The calendar's time of a moment that another clock measured, or of any number that
 * stands where one should. */
static __s64 wall_ns(__u64 moment_ns, __u64 clock_now_ns)
{
	return (__s64)(bg_realtime_ns() - clock_now_ns + moment_ns);
}

static const char *format_wall(__s64 moment_ns, bool with_ms, char *text)
{
	time_t s = moment_ns / (__s64)BG_NS_PER_S;
	struct tm utc;
	size_t used;

	gmtime_r(&s, &utc);
	used = strftime(text, BG_FORMAT_TEXT, "%Y-%m-%dT%H:%M:%S", &utc);
	if (with_ms)
		used += snprintf(text + used, BG_FORMAT_TEXT - used, ".%03lld",
				 moment_ns % (__s64)BG_NS_PER_S / (__s64)BG_NS_PER_MS);
	snprintf(text + used, BG_FORMAT_TEXT - used, "Z");
	return text;
}

const char *bg_format_realtime(__u64 realtime_ns, char *text)
{
	return format_wall((__s64)realtime_ns, false, text);
}

const char *bg_format_boottime(__u64 boottime_ns, char *text)
{
	return format_wall(wall_ns(boottime_ns, bg_boottime_ns()), false, text);
}

const char *bg_format_monotonic(__u64 monotonic_ns, char *text)
{
	return format_wall(wall_ns(monotonic_ns, bg_monotonic_ns()), true, text);
}

const char *bg_format_endpoint(const struct bg_addr *addr, __be16 port, bool has_port, char *text)
{
	char address[BG_IP_TEXT];

	bg_addr_format(addr, address);
	if (!has_port)
		snprintf(text, BG_FORMAT_TEXT, "%s", address);
	else
		snprintf(text, BG_FORMAT_TEXT, strchr(address, ':') ? "[%s]:%u" : "%s:%u", address,
			 ntohs(port));
	return text;
}

const char *bg_format_mac(const __u8 mac[6], char *text)
{
	snprintf(text, BG_MAC_BYTES, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		 mac[3], mac[4], mac[5]);
	return text;
}

const char *bg_format_ports(const struct bg_rule *rule, char *text)
{
	switch (rule->protocol) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
		if (rule->from_port == rule->to_port)
			snprintf(text, BG_FORMAT_TEXT, "%d", rule->from_port);
		else if (rule->from_port <= 0 && rule->to_port == 65535)
			snprintf(text, BG_FORMAT_TEXT, "all");
		else
			snprintf(text, BG_FORMAT_TEXT, "%d-%d", rule->from_port, rule->to_port);
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		if (rule->from_port < 0)
			snprintf(text, BG_FORMAT_TEXT, "all");
		else if (rule->to_port < 0)
			snprintf(text, BG_FORMAT_TEXT, "type %d", rule->from_port);
		else
			snprintf(text, BG_FORMAT_TEXT, "type %d code %d", rule->from_port,
				 rule->to_port);
		break;
	default:
		snprintf(text, BG_FORMAT_TEXT, "all");
	}
	return text;
}

const char *bg_format_rule(const struct bg_rule *rule, char *text)
{
	char protocol[BG_PROTOCOL_TEXT], ports[BG_FORMAT_TEXT];

	text[0] = '\0';
	if (!rule || !rule->group[0])
		return text;
	if (rule->rule_id[0]) {
		snprintf(text, BG_RULE_TEXT, "%s %s", rule->group, rule->rule_id);
		return text;
	}
	bg_format_ports(rule, ports);
	snprintf(text, BG_RULE_TEXT, "%s %s%s%s %s %s", rule->group,
		 bg_protocol_format(rule->protocol, protocol), rule->protocol < 0 ? "" : " ",
		 rule->protocol < 0 ? "" : ports, rule->direction == BG_EGRESS ? "to" : "from",
		 rule->peer);
	return text;
}

void bg_put_wrapped(FILE *out, const char *text, int column, int indent, int width)
{
	while (*text) {
		int length = (int)strcspn(text, " ");

		if (column > indent && column + 1 + length > width) {
			fprintf(out, "\n%*s", indent, "");
			column = indent;
		} else if (column > indent) {
			fputc(' ', out);
			column++;
		}
		fprintf(out, "%.*s", length, text);
		column += length;
		text += length;
		text += strspn(text, " ");
	}
	fputc('\n', out);
}
