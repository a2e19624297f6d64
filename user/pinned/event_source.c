// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Reads the event ring: the daemon does for all who listen by its socket, `monitor` does
 * where no daemon runs. The reader's lock, the control map and the ring itself are
 * opened here; apart from the reader's position and events_until_ns, nothing in the
 * pinned maps is written.
 */
#include "pinned/event_source.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "pinned/lock_holder.h"

/* How far ahead events are asked for, and how often that is renewed. */
#define AHEAD_NS (4000 * BG_NS_PER_MS)
#define WAIT_MS 200

/* Of a callback: enough for this time. Nothing else here returns it. */
#define ENOUGH (-EXFULL)

/* The datapath's clock advances in ticks; the longest is that of CONFIG_HZ=100. */
#define TICK_NS (10 * BG_NS_PER_MS)

static int take_lock(const struct bg_maps *maps, int *lock_fd, struct bg_error *err)
{
	bg_auto_close int fd = -1;
	struct bg_lock_holder holder;
	char path[PATH_MAX], who[64];

	snprintf(path, sizeof(path), "%s/maps", maps->pin_dir);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return bg_fail(err, -errno, "cannot open %s: %s", path, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		if (errno != EWOULDBLOCK)
			return bg_fail(err, -errno, "cannot lock %s: %s", path, strerror(errno));
		if (bg_lock_held(path, &holder) && holder.pid)
			snprintf(who, sizeof(who), "process %d (%s)", holder.pid, holder.name);
		else
			snprintf(who, sizeof(who), "another process");
		return bg_fail(err, -EBUSY,
			       "%s reads the events itself, and a ring has one reader; end that "
			       "one first",
			       who);
	}
	*lock_fd = bg_take_fd(&fd);
	return 0;
}

static int map_control(const struct bg_maps *maps, struct bg_control **control,
		       struct bg_error *err)
{
	bg_auto_close int fd = bg_maps_fd(maps, "control", sizeof(struct bg_control), true, err);
	void *page;

	if (fd < 0)
		return fd;
	page = mmap(NULL, sizeof(struct bg_control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		return bg_fail(err, -errno, "cannot map %s/maps/control into memory: %s",
			       maps->pin_dir, strerror(errno));
	*control = page;
	return 0;
}

static int map_id(int fd, __u32 *id)
{
	struct bpf_map_info info = {};
	__u32 info_bytes = sizeof(info);

	if (bpf_map_get_info_by_fd(fd, &info, &info_bytes))
		return -errno;
	*id = info.id;
	return 0;
}

static int take_sample(void *context, void *data, size_t size_bytes)
{
	struct bg_event_source *source = context;
	const struct bg_event *event = data;
	int rc = 0;

	/* not events that an earlier listener did not read */
	if (size_bytes >= sizeof(*event) && event->time_ns + TICK_NS >= source->started_ns)
		rc = source->take(event, source->context);
	if (rc || !source->left)
		return rc;
	source->left--;
	return source->left ? 0 : ENOUGH;
}

static int open_ring(const struct bg_maps *maps, struct bg_event_source *source,
		     struct bg_error *err)
{
	/* not read-only: the reader writes its position into the ring */
	bg_auto_close int fd = bg_maps_fd(maps, "events", 0, true, err);

	if (fd < 0)
		return fd;
	if (map_id(fd, &source->ring_id))
		return bg_fail(err, -errno, "cannot ask the kernel about map events: %s",
			       strerror(errno));
	source->ring = ring_buffer__new(fd, take_sample, source, NULL);
	if (!source->ring)
		return bg_fail(err, -errno, "cannot read %s/maps/events: %s", maps->pin_dir,
			       strerror(errno));
	return 0;
}

void bg_events_keep_coming(struct bg_event_source *source)
{
	__atomic_store_n(&source->control->events_until_ns, bg_monotonic_ns() + AHEAD_NS,
			 __ATOMIC_RELAXED);
}

int bg_events_open(const struct bg_maps *maps,
		   int (*take)(const struct bg_event *event, void *context), void *context,
		   struct bg_event_source *source, struct bg_error *err)
{
	int rc;

	*source = (struct bg_event_source){ .lock_fd = -1, .take = take, .context = context };
	rc = take_lock(maps, &source->lock_fd, err) ?: map_control(maps, &source->control, err) ?:
	     open_ring(maps, source, err);
	if (rc) {
		bg_events_close(source);
		return rc;
	}
	source->started_ns = bg_monotonic_ns();
	source->lost = source->control->events_lost;
	bg_events_keep_coming(source);
	return 0;
}

void bg_events_close(struct bg_event_source *source)
{
	if (source->control) {
		/* without a ring this process never listened: another one may */
		if (source->ring)
			__atomic_store_n(&source->control->events_until_ns, 0, __ATOMIC_RELAXED);
		munmap(source->control, sizeof(*source->control));
	}
	ring_buffer__free(source->ring);
	if (source->lock_fd >= 0)
		close(source->lock_fd);
	*source = (struct bg_event_source){ .lock_fd = -1 };
}

int bg_events_fd(const struct bg_event_source *source)
{
	return ring_buffer__epoll_fd(source->ring);
}

int bg_events_take(struct bg_event_source *source, unsigned int most)
{
	int rc;

	source->left = most;
	rc = ring_buffer__consume(source->ring);
	source->left = 0;
	return rc < 0 && rc != ENOUGH ? rc : 0;
}

int bg_events_check_pinned(const struct bg_maps *maps, const struct bg_event_source *source,
			   struct bg_error *err)
{
	bg_auto_close int fd = bg_maps_fd(maps, "events", 0, false, err);
	__u32 id = 0;

	if (fd == -ENOENT)
		return bg_fail(err, -ENOENT,
			       "branchguard was unloaded: nothing is pinned in %s "
			       "any more",
			       maps->pin_dir);
	if (fd < 0)
		return fd;
	if (map_id(fd, &id) || id != source->ring_id)
		return bg_fail(err, -ESTALE, "the maps in %s were replaced", maps->pin_dir);
	return 0;
}

int bg_events_wait(const struct bg_maps *maps, struct bg_event_source *source, struct bg_error *err)
{
	int rc;

	bg_events_keep_coming(source);
	rc = ring_buffer__poll(source->ring, WAIT_MS);
	if (rc > 0 || rc == -EINTR)
		return 0;
	/* nothing came, so there is time to look whether this ring is still pinned */
	return rc ? rc : bg_events_check_pinned(maps, source, err);
}

__u64 bg_events_lost(struct bg_event_source *source)
{
	__u64 total = __atomic_load_n(&source->control->events_lost, __ATOMIC_RELAXED);
	__u64 lost = total - source->lost;

	source->lost = total;
	return lost;
}
