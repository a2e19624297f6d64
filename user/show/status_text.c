// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * struct bg_status as text, for `status` alone: the worst first, nothing that is zero.
 * Programs never read it, so words and order may change; they have the JSON.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/format.h"
#include "base/names.h"
#include "base/printable.h"
#include "show/out.h"
#include "show/status.h"

#define WIDTH 100

/* Prints "word, word, ..." in lines of WIDTH; further lines begin at `indent`. */
struct flow_of_words {
	FILE *out;
	int column, indent;
	bool started;
};

static void put_words(struct flow_of_words *words, const char *text)
{
	int length = (int)strlen(text);

	if (words->started) {
		fputc(',', words->out);
		words->column++;
		if (words->column + 1 + length > WIDTH) {
			fprintf(words->out, "\n%*s", words->indent, "");
			words->column = words->indent;
		} else {
			fputc(' ', words->out);
			words->column++;
		}
	}
	fputs(text, words->out);
	words->column += length;
	words->started = true;
}

static void print_since(FILE *out, __u64 moment_ns, const struct bg_status *status)
{
	char when[BG_FORMAT_TEXT], ago[BG_FORMAT_TEXT];

	bg_format_boottime(moment_ns, when);
	bg_format_duration(
		status->now_boottime_ns > moment_ns ? status->now_boottime_ns - moment_ns : 0, ago);
	fprintf(out, "since %s (%s)", when, ago);
}

/* Prints a text of the feed or of the daemon, which may have any characters. */
static void put_foreign(FILE *out, const char *text, int column, int indent)
{
	char *copy = strdup(text);

	if (copy)
		bg_put_wrapped(out, bg_printable(copy), column, indent, WIDTH);
	free(copy);
}

#define PROBLEMS_SHOWN 10

/* Errors or warnings about the feed, `count` in all. */
static void print_problems(FILE *out, const json_t *list, size_t count)
{
	const json_t *problem;
	size_t shown = 0;

	for (; shown < PROBLEMS_SHOWN && (problem = json_array_get(list, shown)); shown++) {
		const char *pointer = json_string_value(json_object_get(problem, "Pointer"));
		const char *words = json_string_value(json_object_get(problem, "Text"));
		json_int_t line = json_integer_value(json_object_get(problem, "Line"));
		bg_auto_free char *copy = strdup(pointer ? pointer : "");
		int column = fprintf(out, "%*s- ", 11, "");

		if (line)
			column += fprintf(
				out, "%lld:%lld:%s", (long long)line,
				(long long)json_integer_value(json_object_get(problem, "Column")),
				copy && *copy ? " " : "");
		if (copy && *copy)
			column += fprintf(out, "%s:", bg_printable(copy));
		put_foreign(out, words ? words : "?", column, 13);
	}
	if (shown < count)
		fprintf(out, "%*s%zu more: `branchguard check` has them all\n", 13, "",
			count - shown);
}

static void print_warnings(FILE *out, const struct bg_status *status)
{
	size_t count;
	const json_t *list = bg_status_warnings(status, &count);
	char text[BG_FORMAT_TEXT];

	if (!count)
		return;
	fprintf(out, "warnings   %s about the feed in force\n",
		bg_format_counted(count, "warning", text));
	print_problems(out, list, count);
}

/* The first error is a part of the refusal's text. */
static void print_errors(FILE *out, const struct bg_status *status)
{
	size_t count;
	const json_t *list = bg_status_errors(status, &count);

	if (count > 1)
		print_problems(out, list, count);
}

static void print_feed(FILE *out, const struct bg_status *status)
{
	const char *feed = bg_status_feed(status);
	__u64 refused_ns;
	const char *refusal = bg_status_refusal(status, &refused_ns);

	if (feed[0]) {
		fputs("feed      ", out);
		put_foreign(out, feed, 12, 11);
	}
	if (refusal) {
		fputs("REFUSED    the feed as it is now, ", out);
		print_since(out, refused_ns, status);
		fprintf(out, ":\n%*s", 10, "");
		put_foreign(out, refusal, 12, 11);
		print_errors(out, status);
	}
	print_warnings(out, status);
}

/* Some of them; "look at" has them all, and what is done about it. */
#define GAPS_NAMED 3

static void print_gaps(FILE *out, const struct bg_status *status)
{
	const struct bg_cause when = { .since_ns = status->pulse.beat_ns, .or_later = true };
	char times[BG_CAUSE_TIMES], doubt[BG_GAP_DOUBT];

	for (size_t i = 0; i < status->gap_count && i < GAPS_NAMED; i++)
		fprintf(out, "%s %s is missing at %s%s: NOT judged there%s\n",
			i ? "          " : "GAP       ", status->gaps[i].program,
			status->gaps[i].interface, bg_gap_doubt(&status->gaps[i], doubt),
			bg_cause_times(&when, status->now_boottime_ns, times));
	if (status->gap_count > GAPS_NAMED)
		fprintf(out, "           and %zu more\n", status->gap_count - GAPS_NAMED);
}

static void print_head(FILE *out, const struct bg_status *status)
{
	char feed[sizeof(status->control.feed_revision)], text[BG_FORMAT_TEXT];

	memcpy(feed, status->control.feed_revision, sizeof(feed));
	fputs("revision   ", out);
	if (status->control.revision) {
		fprintf(out, "%u in force ", status->control.revision);
		print_since(out, status->control.published_ns, status);
		if (feed[0])
			fprintf(out, ", feed \"%s\"", bg_printable(feed));
		fputc('\n', out);
	} else {
		fputs("none in force: nothing passes\n", out);
	}
	fputs("daemon     ", out);
	if (!status->daemon_runs)
		fputs("NOT RUNNING; what is loaded stays in force\n", out);
	else if (bg_daemon_unheard_ns(status))
		fprintf(out, "NOT HEARD OF for %s, process %d; what is loaded stays in force\n",
			bg_format_duration(bg_daemon_unheard_ns(status), text), status->daemon.pid);
	else if (status->daemon.pid)
		fprintf(out, "running, process %d\n", status->daemon.pid);
	else
		fputs("running\n", out);
	print_feed(out, status);
}

static void print_reasons(FILE *out, const struct bg_counters *counters, unsigned int from,
			  unsigned int to, int indent)
{
	struct flow_of_words words = { .out = out, .column = indent, .indent = indent };
	char text[BG_FORMAT_TEXT], count[BG_FORMAT_TEXT];

	for (unsigned int reason = from; reason < to; reason++) {
		const char *name = bg_reason_name(reason);

		if (!counters->packets[reason])
			continue;
		if (name)
			snprintf(text, sizeof(text), "%s %s", name,
				 bg_format_count(counters->packets[reason], count));
		else
			snprintf(text, sizeof(text), "reason-%u %s", reason,
				 bg_format_count(counters->packets[reason], count));
		put_words(&words, text);
	}
	fputc('\n', out);
}

static __u64 sum(const struct bg_counters *counters, unsigned int from, unsigned int to)
{
	__u64 total = 0;

	for (unsigned int reason = from; reason < to; reason++)
		total += counters->packets[reason];
	return total;
}

/* "  ingress passed  1,234 packets, 1.2 MiB  tracked 1,200, rule 34" */
static void print_counters(FILE *out, const struct bg_counters counters[BG_DIRECTIONS])
{
	for (unsigned int d = 0; d < BG_DIRECTIONS; d++) {
		for (int dropped = 0; dropped < 2; dropped++) {
			unsigned int from = dropped ? BG_REASON_FIRST_DROP : 0;
			unsigned int to = dropped ? BG_REASON_MAX : BG_REASON_FIRST_DROP;
			__u64 packets = sum(&counters[d], from, to);
			char count[BG_FORMAT_TEXT], bytes[BG_FORMAT_TEXT];

			if (!packets)
				continue;
			fprintf(out, "  %-7s  %-7s %13s %-7s %9s   ", bg_direction_name(d),
				dropped ? "dropped" : "passed", bg_format_count(packets, count),
				packets == 1 ? "packet" : "packets",
				bg_format_bytes(dropped ? counters[d].dropped_bytes
							: counters[d].passed_bytes,
						bytes));
			print_reasons(out, &counters[d], from, to, 53);
		}
		if (counters[d].short_way_packets) {
			char count[BG_FORMAT_TEXT];

			fprintf(out, "  %-7s  of these%12s took the short way\n",
				bg_direction_name(d),
				bg_format_count(counters[d].short_way_packets, count));
		}
	}
}

/* "vlan.eth.9: xdp_branch, tc_branch_ingress (tcx)", one line for each interface */
static void print_programs(FILE *out, const struct bg_status *status, __u32 vlan)
{
	const char *label = "programs", *by = NULL;
	__u32 last = 0;

	for (size_t i = 0; i < status->hook_count; i++) {
		const struct bg_hook_status *hook = &status->hooks[i];
		const struct bg_hook_status *next =
			i + 1 < status->hook_count ? &status->hooks[i + 1] : NULL;

		if (hook->vlan != vlan || !hook->ifindex)
			continue;
		if (hook->ifindex != last)
			fprintf(out, "  %-8s %s: ", label,
				hook->interface[0] ? hook->interface : "(gone)");
		else
			fputs(", ", out);
		label = "";
		last = hook->ifindex;
		fputs(hook->program, out);
		if (strcmp(hook->by, "xdp") != 0) {
			by = hook->by;
			if (!strstr(hook->program, hook->where))
				fprintf(out, " at %s", hook->where);
		}
		if (next && next->ifindex == hook->ifindex)
			continue;
		if (by)
			fprintf(out, " (%s)", by);
		by = NULL;
		fputs(hook->shared ? "; with others, so no short way\n" : "\n", out);
	}
}

#define ADDRESSES_SHOWN 16

static void print_pods(FILE *out, const struct bg_status *status, __u32 vlan)
{
	struct flow_of_words words = { .out = out, .column = 11, .indent = 11 };
	char text[BG_FORMAT_TEXT];
	size_t count = 0;

	for (size_t i = 0; i < status->pod_count; i++) {
		if (status->pods[i].pod.vlan != vlan || ++count > ADDRESSES_SHOWN)
			continue;
		if (count == 1)
			fputs("  pods     ", out);
		put_words(&words, bg_format_endpoint(&status->pods[i].address, 0, false, text));
	}
	if (count > ADDRESSES_SHOWN)
		fprintf(out, " and %zu more addresses", count - ADDRESSES_SHOWN);
	if (count)
		fputc('\n', out);
}

static void print_branch_flows(FILE *out, const size_t flows[BG_FLOW_CLASSES])
{
	static const char *const names[] = { "half-open", "replied", "assured", "closing" };
	struct flow_of_words words = { .out = out, .column = 11, .indent = 11 };
	char text[BG_FORMAT_TEXT], count[BG_FORMAT_TEXT];

	if (!bg_flows_live(flows))
		return;
	fputs("  flows    ", out);
	for (int i = 0; i < BG_FLOWS_EXPIRED; i++) {
		if (!flows[i])
			continue;
		snprintf(text, sizeof(text), "%s %s", bg_format_count(flows[i], count), names[i]);
		put_words(&words, text);
	}
	fputc('\n', out);
}

static void print_branch(FILE *out, const struct bg_status *status,
			 const struct bg_branch_status *branch)
{
	struct bg_branch_info info = branch->row.info;
	char called[sizeof(branch->called)];

	memcpy(called, branch->called, sizeof(called));
	fprintf(out, "\nbranch %s  VLAN %u, %s, %s", bg_printable(info.id), branch->row.vlan,
		bg_printable(info.interface), bg_mode_name(info.mode));
	if (called[0])
		fprintf(out, ", RENAMED to %s", bg_printable(called));
	if (branch->down)
		fputs(", DOWN", out);
	if (bg_branch_is_armed(status, branch)) {
		fprintf(out, ", ifindex %u, armed ", info.ifindex);
		print_since(out, info.armed_ns, status);
		fputs(status->not_looked_at ? " says the daemon\n" : "\n", out);
	} else {
		fputs(branch->ifindex_now ? ", NOT ARMED\n" : ", no such interface\n", out);
	}
	fputs("  groups   ", out);
	for (char *c = bg_printable(info.groups); *c; c++) {
		fputc(*c, out);
		if (*c == ',')
			fputc(' ', out);
	}
	fputs(info.groups[0] ? "\n" : "none\n", out);
	print_pods(out, status, branch->row.vlan);
	print_programs(out, status, branch->row.vlan);
	print_branch_flows(out, branch->flows);
	print_counters(out, branch->counters);
}

static void print_node(FILE *out, const struct bg_status *status)
{
	fputs("\nnode\n", out);
	print_programs(out, status, 0);
	print_counters(out, status->node);
}

static void print_use(FILE *out, const char *what, size_t used, size_t capacity, const char *more)
{
	char a[BG_FORMAT_TEXT], b[BG_FORMAT_TEXT];

	fprintf(out, "  %-10s %10s of %10s %5.1f %%%s%s\n", what, bg_format_count(used, a),
		bg_format_count(capacity, b), bg_percent(used, capacity), more[0] ? "  " : "",
		more);
}

static void print_tables(FILE *out, const struct bg_status *status)
{
	__u64 lost;
	const size_t *flows = status->flows;
	char more[200], a[BG_FORMAT_TEXT], b[BG_FORMAT_TEXT], c[BG_FORMAT_TEXT], d[BG_FORMAT_TEXT];

	fputs("\ntables\n", out);
	snprintf(more, sizeof(more), "%s half-open, %s assured, %s expired",
		 bg_format_count(flows[BG_FLOWS_HALF_OPEN] + flows[BG_FLOWS_REPLIED], a),
		 bg_format_count(flows[BG_FLOWS_ASSURED], b),
		 bg_format_count(flows[BG_FLOWS_EXPIRED], c));
	if (flows[BG_FLOWS_CLOSING])
		snprintf(more + strlen(more), sizeof(more) - strlen(more), ", %s closing",
			 bg_format_count(flows[BG_FLOWS_CLOSING], d));
	if (status->control.flows_evicted)
		snprintf(more + strlen(more), sizeof(more) - strlen(more), ", %s evicted",
			 bg_format_count(status->control.flows_evicted, d));
	if (status->probe_flows)
		snprintf(more + strlen(more), sizeof(more) - strlen(more),
			 ", beside them %s of probes", bg_format_count(status->probe_flows, d));
	print_use(out, "flows", bg_status_flows_used(status), status->flow_capacity, more);
	snprintf(more, sizeof(more), "%s unused so far", bg_format_count(status->rules_unused, a));
	print_use(out, "rules", status->rules, status->rule_capacity, more);
	print_use(out, "fragments", status->fragments, status->fragment_capacity, "");
	if (status->has_image)
		print_use(out, "image KiB", status->image.cells_used * sizeof(__u32) / 1024,
			  status->image_capacity_bytes / 1024, "");
	bg_status_listeners(status, &lost);
	if (lost)
		fprintf(out, "  %s lost by a listener that was too slow for them\n",
			bg_format_counted(lost, "event", a));
	if (status->control.events_lost)
		fprintf(out, "  %s lost to all listeners: they came faster than they were read\n",
			bg_format_counted(status->control.events_lost, "event", a));
}

static int print_causes(FILE *out, const struct bg_status *status)
{
	bg_auto_free struct bg_cause *causes = NULL;
	size_t count = 0;
	int rc = bg_status_causes(status, &causes, &count);

	if (rc || !count)
		return rc;
	fputs("\nlook at\n", out);
	for (size_t i = 0; i < count; i++) {
		int column = fprintf(out, "  - %s:", causes[i].subject);
		char text[sizeof(causes[i].text) + BG_CAUSE_TIMES], times[BG_CAUSE_TIMES];

		snprintf(text, sizeof(text), "%s%s", causes[i].text,
			 bg_cause_times(&causes[i], status->now_boottime_ns, times));
		bg_put_wrapped(out, text, column, 4, WIDTH);
	}
	return 0;
}

int bg_status_print(FILE *out, const struct bg_status *status)
{
	print_gaps(out, status);
	print_head(out, status);
	for (size_t i = 0; i < status->branch_count; i++)
		print_branch(out, status, &status->branches[i]);
	print_node(out, status);
	print_tables(out, status);
	return print_causes(out, status);
}
