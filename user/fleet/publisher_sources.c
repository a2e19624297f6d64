// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Knows whether there is something else to make parts of than there was, and reads it. publisher.c calls it.
 * It takes nothing that is of two times, too old, or known in part only.
 */
#include "fleet/publisher_sources.h"

#include <errno.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#define TRIES 3

static int look_at_answers(struct bg_publish_sources *sources, struct bg_input_stamps *now,
			   struct bg_error *err)
{
	const struct bg_sweep_wanted *wanted = &sources->wanted;
	struct bg_error unwatched = {};
	int rc = bg_input_stamps_look(now, sources->watch_fd, wanted->files, wanted->file_count,
				      wanted->settings_path, &unwatched, err);

	if (!rc && *unwatched.text && !sources->unwatched) {
		bg_log(BG_LOG_WARNING, "not all can be watched: it is looked at now and then",
		       "error=%s", bg_quote(unwatched.text));
		sources->unwatched = true;
	}
	return rc;
}

static bool ec2_is_older(const struct bg_publish_sources *sources, __u32 age_s)
{
	struct bg_ec2_state state;

	if (!sources->ec2)
		return false;
	bg_ec2_watched_state(sources->ec2, &state);
	return state.swept_ns && bg_monotonic_ms() > state.swept_ms + age_s * 1000.0;
}

static int check_age(const struct bg_publish_sources *sources, const struct bg_input_stamps *now,
		     struct bg_error *err)
{
	const struct bg_input_stamp *oldest = bg_input_stamps_oldest(now);
	const __u32 max_age_s = sources->publish->max_age_s;
	__s64 age_s =
		oldest ? (__s64)(bg_realtime_ns() / BG_NS_PER_S) - oldest->stamp.modified.tv_sec
		       : 0;

	if (!max_age_s)
		return 0;
	if (ec2_is_older(sources, max_age_s))
		return bg_fail(err, -ESTALE,
			       "held: EC2 has not described everything for more than %u s "
			       "(--max-age)",
			       max_age_s);
	if (age_s <= max_age_s)
		return 0;
	/* (without the age: it would be another sentence each time) */
	return bg_fail(err, -ESTALE,
		       "held: %s was written more than %u s ago (--max-age): whoever refreshes it "
		       "does not, or it is left over",
		       oldest->path, max_age_s);
}

static __u64 changes_of(const struct bg_publish_sources *sources)
{
	return (sources->ec2 ? bg_ec2_watched_changes(sources->ec2) : 0) +
	       (sources->cluster ? bg_cluster_watched_changes(sources->cluster) : 0);
}

/* Who does not say what it has is told before who is only slow. */
static int check_servers(const struct bg_publish_sources *sources, bool *waits,
			 struct bg_error *err)
{
	struct bg_error cluster_err;
	bool ec2_waits = false, cluster_waits = false;
	const int ec2 = sources->ec2 ? bg_ec2_watched_check(sources->ec2, &ec2_waits, err) : 0;
	const int cluster =
		sources->cluster
			? bg_cluster_watched_check(sources->cluster, &cluster_waits, &cluster_err)
			: 0;

	*waits = (!ec2 || ec2_waits) && (!cluster || cluster_waits) && (ec2 || cluster);
	if (!cluster || (ec2 && !ec2_waits))
		return ec2;
	*err = cluster_err;
	return cluster;
}

int bg_sources_look(struct bg_publish_sources *sources, bool *same, struct bg_error *err)
{
	struct bg_input_stamps now = {};
	bool waits;
	int rc = look_at_answers(sources, &now, err)
			 ?: check_age(sources, &now, err)
			 ?: check_servers(sources, &waits, err);

	if (rc) {
		bg_input_stamps_release(&now);
		return rc;
	}
	*same = bg_input_stamps_same(&now, &sources->answers) &&
		changes_of(sources) == sources->changes;
	bg_input_stamps_release(&sources->answers);
	sources->answers = now;
	return 0;
}

/* What is read while others write may be of two times: then once more. */
int bg_sources_read(struct bg_publish_sources *sources, struct bg_sweep *sweep,
		    struct bg_error *err)
{
	sources->changes = changes_of(sources);
	for (int i = 0; i < TRIES; i++) {
		struct bg_input_stamps after = {};
		bool same;
		int rc;

		bg_sweep_release(sweep);
		rc = bg_sweep_read(&sources->wanted, sweep, err);
		if (look_at_answers(sources, &after, err)) {
			bg_input_stamps_release(&after);
			return -ENOMEM;
		}
		same = bg_input_stamps_same(&sources->answers, &after);
		bg_input_stamps_release(&sources->answers);
		sources->answers = after;
		if (same)
			return rc;
	}
	return bg_fail(err, -EAGAIN, "the answers change while they are read");
}

bool bg_sources_have_changed(struct bg_publish_sources *sources)
{
	struct bg_error unused;
	bool waits, were_well = sources->servers_are_well;

	sources->servers_are_well = !check_servers(sources, &waits, &unused);
	return sources->servers_are_well != were_well || changes_of(sources) != sources->changes;
}

bool bg_sources_wait(const struct bg_publish_sources *sources)
{
	struct bg_error unused;
	bool waits;

	return check_servers(sources, &waits, &unused) && waits;
}

static int take_described(const void *from, struct bg_cluster *cluster, struct bg_error *err)
{
	return bg_ec2_watched_read(from, cluster, err);
}

static int open_ec2(struct bg_publish_sources *sources, struct bg_error *err)
{
	int rc;

	if (!sources->ec2_source.text)
		return 0;
	sources->wanted.take_described = take_described;
	rc = bg_ec2_watched_open(&sources->ec2_source, &sources->ec2, err);
	sources->wanted.described_from = sources->ec2;
	return rc;
}

static int take_objects(const void *from, struct bg_cluster *cluster, struct bg_error *err)
{
	return bg_cluster_watched_read(from, cluster, err);
}

static int open_cluster(struct bg_publish_sources *sources, struct bg_error *err)
{
	int rc;

	if (!sources->cluster_source.text)
		return 0;
	sources->wanted.take_objects = take_objects;
	rc = bg_cluster_watched_open(&sources->cluster_source, &sources->cluster, err);
	sources->wanted.objects_from = sources->cluster;
	return rc;
}

int bg_sources_open(const struct bg_publish *publish, void (*changed)(void *context), void *context,
		    struct bg_publish_sources *sources, struct bg_error *err)
{
	*sources = (struct bg_publish_sources){
		.publish = publish,
		.wanted = publish->wanted,
		.ec2_source = publish->ec2,
		.cluster_source = publish->cluster,
		.watch_fd = bg_file_watch_open(err),
	};
	if (sources->watch_fd < 0)
		return sources->watch_fd;
	sources->ec2_source.changed = sources->cluster_source.changed = changed;
	sources->ec2_source.context = sources->cluster_source.context = context;
	return open_ec2(sources, err) ?: open_cluster(sources, err);
}

void bg_sources_run(struct bg_publish_sources *sources)
{
	if (sources->ec2)
		bg_ec2_watched_run(sources->ec2);
	if (sources->cluster)
		bg_cluster_watched_run(sources->cluster);
}

double bg_sources_due_ms(const struct bg_publish_sources *sources)
{
	const double ec2_ms = sources->ec2 ? bg_ec2_watched_due_ms(sources->ec2) : 0;
	const double cluster_ms = sources->cluster ? bg_cluster_watched_due_ms(sources->cluster)
						   : 0;

	return ec2_ms && (!cluster_ms || ec2_ms < cluster_ms) ? ec2_ms : cluster_ms;
}

void bg_sources_close(struct bg_publish_sources *sources)
{
	bg_ec2_watched_close(sources->ec2);
	bg_cluster_watched_close(sources->cluster);
	if (sources->watch_fd >= 0)
		close(sources->watch_fd);
	bg_input_stamps_release(&sources->answers);
}
