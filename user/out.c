// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "out.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "ip.h"
#include "names.h"

#define NS_PER_S 1000000000ull

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

	snprintf(text + used, BG_OUT_TEXT - used, " %s%s", noun, count == 1 ? "" : "s");
	return text;
}

const char *bg_format_short(__u64 count, char *text)
{
	static const char units[] = "kMGTPE";
	double scaled = (double)count / 1000;
	size_t unit = 0;

	if (count < 10000) {
		snprintf(text, BG_OUT_TEXT, "%llu", count);
		return text;
	}
	/* 999.95 would be printed as 1000.0 */
	while (scaled >= 999.95 && unit < sizeof(units) - 2) {
		scaled /= 1000;
		unit++;
	}
	snprintf(text, BG_OUT_TEXT, scaled >= 99.95 ? "%.0f%c" : "%.1f%c", scaled, units[unit]);
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
	snprintf(text, BG_OUT_TEXT, unit && scaled < 99.95 ? "%.1f %s" : "%.0f %s", scaled,
		 units[unit]);
	return text;
}

const char *bg_format_duration(__u64 duration_ns, char *text)
{
	__u64 s = duration_ns / NS_PER_S;

	if (s < 10)
		snprintf(text, BG_OUT_TEXT, "%llu.%llu s", s, duration_ns / (NS_PER_S / 10) % 10);
	else if (s < 60)
		snprintf(text, BG_OUT_TEXT, "%llu s", s);
	else if (s < 3600)
		snprintf(text, BG_OUT_TEXT, "%llu min %llu s", s / 60, s % 60);
	else if (s < 86400)
		snprintf(text, BG_OUT_TEXT, "%llu h %llu min", s / 3600, s % 3600 / 60);
	else
		snprintf(text, BG_OUT_TEXT, "%llu d %llu h", s / 86400, s % 86400 / 3600);
	return text;
}

const char *bg_format_age(__u64 duration_ns, char *text)
{
	__u64 s = duration_ns / NS_PER_S;

	if (s < 600)
		snprintf(text, BG_OUT_TEXT, "%llus", s);
	else if (s < 36000)
		snprintf(text, BG_OUT_TEXT, "%llum", s / 60);
	else if (s < 864000)
		snprintf(text, BG_OUT_TEXT, "%lluh", s / 3600);
	else
		snprintf(text, BG_OUT_TEXT, "%llud", s / 86400);
	return text;
}

/* Wall-clock time of a moment that another clock shows. */
static __s64 wall_ns(__u64 moment_ns, __u64 clock_now_ns)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (__s64)now.tv_sec * (__s64)NS_PER_S + now.tv_nsec -
	       ((__s64)clock_now_ns - (__s64)moment_ns);
}

static const char *format_wall(__s64 moment_ns, bool with_ms, char *text)
{
	time_t s = moment_ns / (__s64)NS_PER_S;
	struct tm utc;
	size_t used;

	gmtime_r(&s, &utc);
	used = strftime(text, BG_OUT_TEXT, "%Y-%m-%dT%H:%M:%S", &utc);
	if (with_ms)
		used += snprintf(text + used, BG_OUT_TEXT - used, ".%03lld",
				 moment_ns % (__s64)NS_PER_S / 1000000);
	snprintf(text + used, BG_OUT_TEXT - used, "Z");
	return text;
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
		snprintf(text, BG_OUT_TEXT, "%s", address);
	else
		snprintf(text, BG_OUT_TEXT, strchr(address, ':') ? "[%s]:%u" : "%s:%u", address,
			 ntohs(port));
	return text;
}

const char *bg_format_ports(const struct bg_rule *rule, char *text)
{
	switch (rule->protocol) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
		if (rule->from_port == rule->to_port)
			snprintf(text, BG_OUT_TEXT, "%d", rule->from_port);
		else if (rule->from_port <= 0 && rule->to_port == 65535)
			snprintf(text, BG_OUT_TEXT, "all");
		else
			snprintf(text, BG_OUT_TEXT, "%d-%d", rule->from_port, rule->to_port);
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		if (rule->from_port < 0)
			snprintf(text, BG_OUT_TEXT, "all");
		else if (rule->to_port < 0)
			snprintf(text, BG_OUT_TEXT, "type %d", rule->from_port);
		else
			snprintf(text, BG_OUT_TEXT, "type %d code %d", rule->from_port,
				 rule->to_port);
		break;
	default:
		snprintf(text, BG_OUT_TEXT, "all");
	}
	return text;
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
	__u64 end_ns = flow->last_seen_ns + flow->timeout_s * NS_PER_S;

	return end_ns > now_ns ? end_ns - now_ns : 0;
}

bool bg_has_ports(unsigned int protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP;
}

const char *bg_format_rule(const struct bg_rule *rule, char *text)
{
	char protocol[BG_PROTOCOL_TEXT], ports[BG_OUT_TEXT];

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

char *bg_printable(char *text)
{
	for (unsigned char *c = (unsigned char *)text; *c; c++) {
		if (*c < 0x20 || *c == 0x7f)
			*c = '?';
	}
	return text;
}

int bg_table_add(struct bg_table *table, const char *text)
{
	if (table->cell_count == table->cell_capacity) {
		size_t capacity = table->cell_capacity ? table->cell_capacity * 2 : 64;
		char **cells = reallocarray(table->cells, capacity, sizeof(*cells));

		if (!cells)
			return -ENOMEM;
		table->cells = cells;
		table->cell_capacity = capacity;
	}
	table->cells[table->cell_count] = strdup(text);
	if (!table->cells[table->cell_count])
		return -ENOMEM;
	bg_printable(table->cells[table->cell_count++]);
	return 0;
}

static void print_row(FILE *out, const struct bg_table *table, const int *widths,
		      const char *const *cells, bool heads, int indent)
{
	fprintf(out, "%*s", indent, "");
	for (size_t i = 0; i < table->columns; i++) {
		bool right = table->heads[i][0] == '^';
		const char *text = heads && right ? cells[i] + 1 : cells[i];
		bool last = i + 1 == table->columns;

		if (right)
			fprintf(out, "%*s", widths[i], text);
		else if (last)
			fputs(text, out);
		else
			fprintf(out, "%-*s", widths[i], text);
		if (!last)
			fputs("  ", out);
	}
	fputc('\n', out);
}

void bg_table_print(FILE *out, struct bg_table *table, int indent)
{
	int widths[BG_TABLE_COLUMNS] = {};
	size_t column = 0;

	for (size_t i = 0; i < table->columns; i++)
		widths[i] = (int)strlen(table->heads[i]) - (table->heads[i][0] == '^');
	for (size_t i = 0; i < table->cell_count; i++) {
		int width = (int)strlen(table->cells[i]);

		if (width > widths[column])
			widths[column] = width;
		column = column + 1 < table->columns ? column + 1 : 0;
	}
	print_row(out, table, widths, table->heads, true, indent);
	for (size_t i = 0; i + table->columns <= table->cell_count; i += table->columns)
		print_row(out, table, widths, (const char *const *)table->cells + i, false, indent);
	bg_table_free(table);
}

void bg_table_free(struct bg_table *table)
{
	for (size_t i = 0; i < table->cell_count; i++)
		free(table->cells[i]);
	free(table->cells);
	table->cells = NULL;
	table->cell_count = table->cell_capacity = 0;
}

json_t *bg_json_text(const char *text)
{
	json_t *json = json_string(text);
	char *ascii;

	if (json)
		return json;
	ascii = strdup(text);
	if (!ascii)
		return NULL;
	for (char *c = ascii; *c; c++) {
		if (*c & 0x80)
			*c = '?';
	}
	json = json_string(ascii);
	free(ascii);
	return json;
}

static int print_json(json_t *json, size_t flags, struct bg_error *err)
{
	int rc;

	if (!json)
		return bg_fail(err, -ENOMEM, "out of memory while making JSON");
	rc = json_dumpf(json, stdout, flags);
	json_decref(json);
	if (rc || putchar('\n') == EOF)
		return bg_fail(err, -EIO, "cannot write JSON to stdout: %s", strerror(errno));
	return 0;
}

int bg_print_json(json_t *json, struct bg_error *err)
{
	return print_json(json, JSON_INDENT(2) | JSON_REAL_PRECISION(15), err);
}

int bg_print_json_line(json_t *json, struct bg_error *err)
{
	return print_json(json, JSON_COMPACT | JSON_REAL_PRECISION(15), err);
}

int bg_out_finish(struct bg_error *err)
{
	if (fflush(stdout) || ferror(stdout))
		return bg_fail(err, errno ? -errno : -EIO, "cannot write to stdout: %s",
			       strerror(errno ? errno : EIO));
	return 0;
}
