// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * From facts to concerns to one verdict: nothing here asks the kernel. Who does not know is
 * not well: what could not be looked at is taken for the worst that it may be.
 */
#include "show/health.h"

#include <stdarg.h>
#include <string.h>

#include "base/format.h"
#include "base/printable.h"
#include "datapath/programs.h"
#include "show/out.h"

/* The feed's file is looked at every few seconds, and so is every interface. */
#define STALE_NS (60 * BG_NS_PER_S)
#define UNSYNCED_NS (15 * BG_NS_PER_S)

const char *bg_health_name(enum bg_health_level level)
{
	static const char *const names[] = { "well", "degraded", "not-enforcing" };

	return names[level];
}

const char *bg_concern_name(enum bg_concern concern)
{
	static const char *const names[BG_CONCERNS] = {
		[BG_CONCERN_DATAPATH] = "datapath",
		[BG_CONCERN_DAEMON] = "daemon",
		[BG_CONCERN_ATTACHMENT] = "attachment",
		[BG_CONCERN_INTERFACES] = "interfaces",
		[BG_CONCERN_FEED] = "feed",
		[BG_CONCERN_TABLES] = "tables",
		[BG_CONCERN_EVENTS] = "events",
	};

	return names[concern];
}

/* Of several things about one concern the worst counts; the first ones are named. */
static void __attribute__((format(printf, 4, 5))) say(struct bg_health *health,
						      enum bg_concern concern,
						      enum bg_health_level level,
						      const char *format, ...)
{
	typeof(health->concerns[0]) *about = &health->concerns[concern];
	const bool worse = about->known && level != BG_HEALTH_WELL;
	size_t used = about->known ? strlen(about->text) : 0;
	va_list args;

	if (about->known && level == BG_HEALTH_WELL)
		return;
	/* what is well is not said beside what is not */
	if (about->level == BG_HEALTH_WELL)
		used = 0;
	if (used && worse)
		used += snprintf(about->text + used, sizeof(about->text) - used, "; ");
	if (used < sizeof(about->text)) {
		va_start(args, format);
		vsnprintf(about->text + used, sizeof(about->text) - used, format, args);
		va_end(args);
	}
	about->known = true;
	if (level > about->level)
		about->level = level;
	if (level > health->level)
		health->level = level;
}

static void since(struct bg_health *health, enum bg_concern concern, __u64 since_ns)
{
	if (health->concerns[concern].level != BG_HEALTH_WELL &&
	    !health->concerns[concern].since_ns)
		health->concerns[concern].since_ns = since_ns;
}

/* The daemon saw it well until then. */
static void since_or_later(struct bg_health *health, enum bg_concern concern, __u64 since_ns)
{
	since(health, concern, since_ns);
	health->concerns[concern].or_later = health->concerns[concern].since_ns;
}

/* "12 s", of what is so long ago. */
static const char *ago(const struct bg_status *status, __u64 then_ns, char *text)
{
	return bg_format_duration(
		status->now_boottime_ns > then_ns ? status->now_boottime_ns - then_ns : 0, text);
}

static bool is_older(const struct bg_status *status, __u64 then_ns, __u64 age_ns)
{
	return then_ns && status->now_boottime_ns > then_ns + age_ns;
}

/* --- the daemon ------------------------------------------------------------ */

static void judge_daemon(const struct bg_status *status, struct bg_health *health)
{
	const struct bg_pulse *pulse = &status->pulse;
	/* what was before it began is nothing that it failed to do */
	const __u64 synced_ns = pulse->synced_ns > pulse->started_ns ? pulse->synced_ns
								     : pulse->started_ns;
	char text[BG_FORMAT_TEXT], process[40] = "";

	if (status->daemon.pid)
		snprintf(process, sizeof(process), "process %d, ", status->daemon.pid);
	if (!status->daemon_runs) {
		say(health, BG_CONCERN_DAEMON, BG_HEALTH_DEGRADED,
		    "not running: what is in force stays so, but neither the feed nor interfaces "
		    "are followed");
		since(health, BG_CONCERN_DAEMON, pulse->ended_ns);
		if (!pulse->ended_ns)
			since_or_later(health, BG_CONCERN_DAEMON, pulse->beat_ns);
		return;
	}
	if (bg_daemon_unheard_ns(status)) {
		say(health, BG_CONCERN_DAEMON, BG_HEALTH_DEGRADED,
		    "%snot heard of for %s: it is stopped, hangs, or gets no CPU", process,
		    bg_format_duration(bg_daemon_unheard_ns(status), text));
		since(health, BG_CONCERN_DAEMON,
		      status->now_boottime_ns - bg_daemon_unheard_ns(status));
		return;
	}
	if (bg_daemon_begins(status)) {
		say(health, BG_CONCERN_DAEMON, BG_HEALTH_DEGRADED,
		    "%sbegins: it has not said yet that it follows feed and interfaces", process);
		return;
	}
	if (is_older(status, synced_ns, UNSYNCED_NS)) {
		say(health, BG_CONCERN_DAEMON, BG_HEALTH_DEGRADED,
		    "%scould not follow the interfaces for %s: its log says why", process,
		    ago(status, synced_ns, text));
		since(health, BG_CONCERN_DAEMON, synced_ns);
	}
	say(health, BG_CONCERN_DAEMON, BG_HEALTH_WELL, "%sheard of %s ago", process,
	    ago(status, pulse->beat_ns, text));
}

/* --- what is attached ------------------------------------------------------ */

#define NAMED 3

struct naming {
	struct bg_health *health;
	enum bg_concern concern;
	size_t count;
	enum bg_health_level level; /* the worst of those that are not named */
};

static void __attribute__((format(printf, 3, 4)))
name(struct naming *naming, enum bg_health_level level, const char *format, ...)
{
	char text[sizeof(((struct bg_finding *)0)->text)];
	va_list args;

	if (naming->count++ >= NAMED) {
		if (level > naming->level)
			naming->level = level;
		return;
	}
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	say(naming->health, naming->concern, level, "%s", text);
}

static void name_rest(const struct naming *naming)
{
	if (naming->count > NAMED)
		say(naming->health, naming->concern, naming->level, "and %zu more",
		    naming->count - NAMED);
}

static void name_findings(struct naming *naming, const struct bg_look *look)
{
	for (size_t i = 0; look && i < look->finding_count; i++)
		if (look->findings[i].concern == naming->concern)
			name(naming, look->findings[i].level, "%s", look->findings[i].text);
}

/* As many programs as there must be were seen, or missed: who sees none at all may not be
 * allowed to look. */
static bool adds_up(const struct bg_status *status, const struct bg_look *look)
{
	size_t wanted = 0, seen = status->gap_count + status->unpinned_count;

	for (size_t i = 0; look && i < status->iface_count; i++)
		for (size_t k = 0; k < look->netdev_count; k++)
			if (look->netdevs[k].ifindex == status->ifaces[i].ifindex)
				wanted +=
					__builtin_popcount(bg_tc_programs(status->ifaces[i].role));
	for (size_t i = 0; i < status->hook_count; i++)
		seen += status->hooks[i].ifindex && strcmp(status->hooks[i].by, "xdp") != 0;
	return seen >= wanted;
}

static void judge_attachment(const struct bg_status *status, const struct bg_look *look,
			     const char *why, struct bg_health *health)
{
	struct naming naming = { .health = health, .concern = BG_CONCERN_ATTACHMENT };
	size_t interfaces = 0, programs = 0;
	char doubt[BG_GAP_DOUBT];
	__u32 last = 0;

	for (size_t i = 0; i < status->gap_count; i++)
		name(&naming, BG_HEALTH_NOT_ENFORCING, "%s is missing at %s%s: NOT judged there",
		     status->gaps[i].program, status->gaps[i].interface,
		     bg_gap_doubt(&status->gaps[i], doubt));
	for (size_t i = 0; i < status->hook_count; i++) {
		const struct bg_hook_status *hook = &status->hooks[i];

		if (!hook->interface[0])
			continue;
		programs++;
		interfaces += hook->ifindex != last;
		last = hook->ifindex;
		if (hook->outdated)
			name(&naming, BG_HEALTH_NOT_ENFORCING,
			     "%s at %s is not the program that is pinned: by which rules it judges "
			     "is not known",
			     hook->program, hook->interface);
	}
	name_findings(&naming, look);
	name_rest(&naming);
	if (!adds_up(status, look))
		say(health, BG_CONCERN_ATTACHMENT, BG_HEALTH_NOT_ENFORCING,
		    "not all that must be attached could be looked at");
	since_or_later(health, BG_CONCERN_ATTACHMENT, status->pulse.beat_ns);
	if (!look)
		say(health, BG_CONCERN_ATTACHMENT, BG_HEALTH_NOT_ENFORCING,
		    "what comes before our programs cannot be looked at: %s", why);
	if (status->not_looked_at)
		say(health, BG_CONCERN_ATTACHMENT, BG_HEALTH_DEGRADED, "%s", status->not_looked_at);
	say(health, BG_CONCERN_ATTACHMENT, BG_HEALTH_WELL,
	    "%zu programs at %zu interfaces, all first", programs, interfaces);
}

/* What the daemon could not do, by its own words; what that comes to is looked at above. */
static void name_troubles(struct naming *naming, const struct bg_status *status)
{
	const json_t *list = bg_status_interfaces(status);

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *problem = json_array_get(list, i);
		const char *interface = json_string_value(json_object_get(problem, "Interface"));
		const char *text = json_string_value(json_object_get(problem, "Text"));
		const bool open = json_is_true(json_object_get(problem, "Open"));

		if (!interface || !text)
			continue;
		name(naming, open ? BG_HEALTH_NOT_ENFORCING : BG_HEALTH_DEGRADED, "%s: %s",
		     interface, text);
		if (naming->count == 1)
			since(naming->health, naming->concern,
			      (__u64)json_integer_value(json_object_get(problem, "SinceNs")));
	}
}

/* The state file is the only place for it. */
static bool knows_troubles(const struct bg_status *status)
{
	const json_t *pid = json_object_get(status->state, "Pid");

	return !status->daemon_runs || json_integer_value(pid) == status->pulse.pid;
}

static void judge_interfaces(const struct bg_status *status, const struct bg_look *look,
			     const char *why, struct bg_health *health)
{
	struct naming naming = { .health = health, .concern = BG_CONCERN_INTERFACES };
	size_t armed = 0, absent = 0;
	char text[BG_TAKEN_TEXT];

	name_findings(&naming, look);
	for (size_t i = 0; i < status->branch_count; i++) {
		const struct bg_branch_status *branch = &status->branches[i];

		armed += bg_branch_is_armed(status, branch);
		absent += !branch->ifindex_now;
		if (branch->ifindex_now && !branch->row.info.armed_ns)
			name(&naming, BG_HEALTH_DEGRADED, "%s is not armed",
			     branch->row.info.interface);
	}
	name_troubles(&naming, status);
	if (bg_status_taken_ifaces(status, text))
		name(&naming, BG_HEALTH_DEGRADED, "%s", text);
	if (bg_status_taken_branches(status, text))
		name(&naming, BG_HEALTH_DEGRADED, "%s", text);
	name_rest(&naming);
	if (*status->state_error.text)
		say(health, BG_CONCERN_INTERFACES, BG_HEALTH_NOT_ENFORCING,
		    "what the daemon could not do there cannot be known: %s",
		    status->state_error.text);
	else if (!knows_troubles(status))
		say(health, BG_CONCERN_INTERFACES, BG_HEALTH_DEGRADED,
		    "what the daemon could not do there is not known: its file in /run/branchguard "
		    "is missing, or not its own");
	if (!look)
		say(health, BG_CONCERN_INTERFACES, BG_HEALTH_NOT_ENFORCING,
		    "they cannot be looked at: %s", why);
	say(health, BG_CONCERN_INTERFACES, BG_HEALTH_WELL, "%zu of %zu branches armed%s", armed,
	    status->branch_count, absent ? ", the others have no interface" : "");
}

/* --- the feed -------------------------------------------------------------- */

/* A feed may lack for a moment what is put in again. */
static void judge_kept(const struct bg_status *status, struct bg_health *health)
{
	const json_t *list = bg_status_kept(status);
	__u64 first_ns = 0;
	size_t count = 0;

	for (size_t i = 0; i < json_array_size(list); i++) {
		__u64 since_ns = (__u64)json_integer_value(
			json_object_get(json_array_get(list, i), "SinceNs"));

		if (!is_older(status, since_ns, STALE_NS))
			continue;
		count++;
		if (!first_ns || since_ns < first_ns)
			first_ns = since_ns;
	}
	if (!count)
		return;
	say(health, BG_CONCERN_FEED, BG_HEALTH_DEGRADED,
	    "it lacks %zu branches, groups or lists that live or are needed: they stay in force as "
	    "they were",
	    count);
	since(health, BG_CONCERN_FEED, first_ns);
}

/* Nobody gets it, or somebody else does: what the feed wants there is not in force. */
static void judge_left_out(const struct bg_status *status, struct bg_health *health)
{
	size_t count;
	const json_t *list = bg_status_left_out(status, &count);
	const json_t *first = json_array_get(list, 0);
	const char *what = json_string_value(json_object_get(first, "What"));
	const char *pointer = json_string_value(json_object_get(first, "Pointer"));

	if (count)
		say(health, BG_CONCERN_FEED, BG_HEALTH_DEGRADED,
		    "%zu of its branches and addresses are left out, as others claim the same: "
		    "%.63s (%.80s)%s",
		    count, what ? what : "?", pointer ? pointer : "?",
		    count > 1 ? " and more" : "");
}

static void judge_feed(const struct bg_status *status, struct bg_health *health)
{
	const struct bg_control *control = &status->control;
	const __u64 read_ns = status->pulse.feed_read_ns;
	char text[BG_FORMAT_TEXT], feed[sizeof(control->feed_revision) + 4] = "";
	__u64 refused_ns;
	const char *refusal = bg_status_refusal(status, &refused_ns);

	if (!control->revision)
		say(health, BG_CONCERN_FEED, BG_HEALTH_DEGRADED,
		    "none was accepted yet: nothing passes");
	else if (!status->has_image)
		say(health, BG_CONCERN_FEED, BG_HEALTH_DEGRADED,
		    "revision %u is not in the map policy: nothing passes", control->revision);
	if (refusal || (status->daemon_runs && status->pulse.feed_refused)) {
		say(health, BG_CONCERN_FEED, BG_HEALTH_DEGRADED,
		    "refused, revision %u stays in force: %.300s", control->revision,
		    refusal ? refusal : "the daemon's log says why");
		since(health, BG_CONCERN_FEED, bg_status_refused_since(status));
	} else if (status->daemon_runs && is_older(status, read_ns, STALE_NS)) {
		say(health, BG_CONCERN_FEED, BG_HEALTH_DEGRADED,
		    "its file was not looked at for %s: does its file system answer?",
		    ago(status, read_ns, text));
		since(health, BG_CONCERN_FEED, read_ns);
	}
	judge_left_out(status, health);
	judge_kept(status, health);
	if (control->feed_revision[0])
		snprintf(feed, sizeof(feed), " \"%s\"", control->feed_revision);
	say(health, BG_CONCERN_FEED, BG_HEALTH_WELL, "revision %u%s, in force for %s",
	    control->revision, feed, ago(status, control->published_ns, text));
}

/* --- tables and events ----------------------------------------------------- */

static void judge_tables(const struct bg_status *status, struct bg_health *health)
{
	const struct {
		const char *name;
		size_t used, capacity;
	} tables[] = {
		{ "flows", bg_status_flows_used(status), status->flow_capacity },
		{ "rules", status->rules, status->rule_capacity },
		{ "image", bg_status_image_kib(status), status->image_capacity_bytes / 1024 },
		{ "branches", status->branch_count, status->branch_capacity },
	};
	char text[200] = "";
	size_t used = 0;

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		const double full = bg_percent(tables[i].used, tables[i].capacity);

		if (bg_is_nearly_full(tables[i].used, tables[i].capacity))
			say(health, BG_CONCERN_TABLES, BG_HEALTH_DEGRADED,
			    "%s %.1f %% full (%zu of %zu)", tables[i].name, full, tables[i].used,
			    tables[i].capacity);
		used += snprintf(text + used, sizeof(text) - used, "%s%s %.1f %%", i ? ", " : "",
				 tables[i].name, full);
	}
	say(health, BG_CONCERN_TABLES, BG_HEALTH_WELL, "%s", text);
}

static void judge_losses(const struct bg_status *status, const struct bg_sighting *lost,
			 const char *how, struct bg_health *health)
{
	char text[BG_FORMAT_TEXT], when[BG_FORMAT_TEXT];

	if (!lost->last_ns || is_older(status, lost->last_ns, BG_QUIET_NS))
		return;
	say(health, BG_CONCERN_EVENTS, BG_HEALTH_DEGRADED, "%s lost %s, the last %s ago%s",
	    bg_format_counted(lost->count - lost->before, "event", text), how,
	    ago(status, lost->last_ns, when), lost->last_ns & BG_BOUND ? " or earlier" : "");
	if (lost->since_ns & BG_BOUND)
		since_or_later(health, BG_CONCERN_EVENTS, lost->since_ns);
	else
		since(health, BG_CONCERN_EVENTS, lost->since_ns);
}

/* There are two places where they pile up: the ring, that all have in common, and what
 * waits for one listener. */
static void judge_events(const struct bg_status *status, struct bg_health *health)
{
	const struct bg_sighting by_listeners = bg_status_listener_losses(status);

	judge_losses(status, &status->pulse.events_lost,
		     "to all listeners since they came faster than they were read", health);
	judge_losses(status, &by_listeners, "by a listener that reads too slowly", health);
	say(health, BG_CONCERN_EVENTS, BG_HEALTH_WELL, "none lost lately");
}

void bg_health_judge(const struct bg_status *status, const struct bg_look *look, const char *why,
		     struct bg_health *health)
{
	*health = (struct bg_health){};
	judge_daemon(status, health);
	judge_attachment(status, look, why, health);
	judge_interfaces(status, look, why, health);
	judge_feed(status, health);
	judge_tables(status, health);
	judge_events(status, health);
}

void bg_health_unseen(const char *why, struct bg_health *health)
{
	*health = (struct bg_health){};
	say(health, BG_CONCERN_DATAPATH, BG_HEALTH_NOT_ENFORCING, "%s", why);
}

/* --- showing it ------------------------------------------------------------ */

void bg_health_print(FILE *out, const struct bg_health *health, __u64 now_boottime_ns)
{
	for (int i = 0; i < BG_CONCERNS; i++) {
		const typeof(health->concerns[0]) *about = &health->concerns[i];
		const struct bg_cause when = { .since_ns = about->since_ns,
					       .or_later = about->or_later };
		char text[sizeof(about->text)], times[BG_CAUSE_TIMES];

		if (!about->known)
			continue;
		memcpy(text, about->text, sizeof(text));
		fprintf(out, "%-13s  %-10s  %s%s\n", bg_health_name(about->level),
			bg_concern_name(i), bg_printable(text),
			bg_cause_times(&when, now_boottime_ns, times));
	}
}

json_t *bg_health_json(const struct bg_health *health)
{
	json_t *list = json_array(), *o;

	for (int i = 0; i < BG_CONCERNS && list; i++) {
		const typeof(health->concerns[0]) *about = &health->concerns[i];
		char since_text[BG_FORMAT_TEXT];

		if (!about->known)
			continue;
		o = json_pack("{s:s, s:s, s:o, s:o, s:b}", "concern", bg_concern_name(i), "health",
			      bg_health_name(about->level), "text", bg_json_text(about->text),
			      "since",
			      about->since_ns
				      ? json_string(bg_format_boottime(about->since_ns, since_text))
				      : json_null(),
			      "or_later", about->or_later);
		if (json_array_append_new(list, o)) {
			json_decref(list);
			list = NULL;
		}
	}
	if (!list)
		return NULL;
	return json_pack("{s:s, s:i, s:o}", "health", bg_health_name(health->level), "exit_status",
			 health->level, "concerns", list);
}
