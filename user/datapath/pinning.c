// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Pins what is loaded: each map and program that is not pinned yet, or no longer. The
 * daemon calls it at its start, after it loaded anew, and once a second, in case that
 * somebody removed pins. It opens nothing that is not pinned by us.
 */
#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"
#include "base/ids.h"
#include "branchguard.skel.h"
#include "datapath/adopt.h"
#include "datapath/migrate.h"
#include "pinned/image_pin.h"
#include "pinned/pin.h"

static int id_of(enum bg_pin_kind kind, int fd, __u32 *id)
{
	struct bpf_prog_info program = {};
	struct bpf_map_info map = {};
	__u32 length = kind == BG_PIN_PROGRAMS ? sizeof(program) : sizeof(map);
	int rc = kind == BG_PIN_PROGRAMS ? bpf_prog_get_info_by_fd(fd, &program, &length)
					 : bpf_map_get_info_by_fd(fd, &map, &length);

	*id = kind == BG_PIN_PROGRAMS ? program.id : map.id;
	return rc;
}

/*
 * 1: it was not pinned there, now it is; 0: it was. Only what is not there, or is something
 * else, is put there again: what could not be looked at is not known to be so.
 */
static int pin_one(const struct bg_datapath *datapath, enum bg_pin_kind kind, const char *name,
		   int fd, struct bg_error *err)
{
	const char *pin_dir = datapath->options.pin_dir;
	const char *folder = kind == BG_PIN_PROGRAMS ? "programs" : "maps";
	bg_auto_close int pinned_fd = bg_pin_get(pin_dir, kind, name);
	__u32 id = 0, pinned_id = 0;
	int rc;

	rc = pinned_fd < 0 ? pinned_fd
			   : (id_of(kind, pinned_fd, &pinned_id) ?: id_of(kind, fd, &id));
	if (!rc && pinned_id == id)
		return 0;
	if (rc && rc != -ENOENT && rc != -EINVAL)
		return bg_fail(err, rc, "looking at %s/%s/%s: %s", pin_dir, folder, name,
			       strerror(-rc));
	rc = bg_pin_put(pin_dir, kind, name, fd);
	return rc ? bg_fail(err, rc, "pinning %s/%s/%s: %s", pin_dir, folder, name, strerror(-rc))
		  : 1;
}

static int pin_map(const struct bg_datapath *datapath, const struct bpf_map *map, const char *name,
		   struct bg_error *err)
{
	return pin_one(datapath, BG_PIN_MAPS, name, bpf_map__fd(map), err);
}

/* The policy with its image; whose order is that of pinned/image_pin.h. */
static int pin_policy(struct bg_datapath *datapath, struct bg_error *err)
{
	const char *pin_dir = datapath->options.pin_dir;
	int image_fd = datapath->image_fd, made, rc = 0;

	if (image_fd >= 0 && !datapath->policy_pinned)
		rc = bg_image_announce(pin_dir, image_fd);
	if (rc)
		return bg_fail(err, rc, "pinning %s/maps/image_next: %s", pin_dir, strerror(-rc));
	made = pin_map(datapath, datapath->skel->maps.policy, "policy", err);
	if (made < 0)
		return made;
	datapath->policy_pinned = true;
	if (image_fd < 0)
		return made;
	rc = bg_image_pin(pin_dir, image_fd);
	if (rc < 0)
		return bg_fail(err, rc, "pinning %s/maps/image: %s", pin_dir, strerror(-rc));
	/* left by an interrupted publication, or announced above */
	bg_image_withdraw(pin_dir);
	return made + rc;
}

static int pin_aside(const struct bg_datapath *datapath, const char *name, int fd,
		     struct bg_error *err)
{
	const char *pin_dir = datapath->options.pin_dir;
	int rc = bg_pin_put(pin_dir, BG_PIN_ASIDE, name, fd);

	return rc ? bg_fail(err, rc, "pinning %s/maps_aside/%s: %s", pin_dir, name, strerror(-rc))
		  : 0;
}

static int pin_all_aside(const struct bg_datapath *datapath, struct bg_error *err)
{
	const struct branchguard_bpf *skel = datapath->skel;
	struct bpf_map *map;
	int made = 3, rc = 0;

	bpf_object__for_each_map (map, skel->obj) {
		if (rc)
			return rc;
		if (bpf_map__is_internal(map) || map == skel->maps.control)
			continue;
		rc = pin_aside(datapath, bpf_map__name(map), bpf_map__fd(map), err);
		made++;
	}
	if (!rc && datapath->image_fd >= 0)
		rc = pin_aside(datapath, BG_IMAGE_PIN, datapath->image_fd, err);
	rc = rc ?: pin_aside(datapath, BG_CONFIG_PIN, bpf_map__fd(skel->maps.rodata), err);
	rc = rc ?: pin_aside(datapath, BG_SEED_PIN, bpf_map__fd(skel->maps.rodata_seed), err);
	rc = rc ?: pin_aside(datapath, "control", bpf_map__fd(skel->maps.control), err);
	return rc ? rc : made;
}

/* Those of another ABI are replaced all at once: at no time are there some of either. */
static int pin_in_place_of_others(struct bg_datapath *datapath, struct bg_error *err)
{
	const char *pin_dir = datapath->options.pin_dir;
	int made, rc;

	made = rc = bg_pin_aside_make(pin_dir, err);
	if (!rc)
		made = rc = pin_all_aside(datapath, err);
	if (rc >= 0)
		rc = bg_pin_aside_swap(pin_dir, err);
	if (rc) {
		bg_pin_aside_remove(pin_dir);
		return rc;
	}
	datapath->from = NULL;
	datapath->policy_pinned = true;
	return made;
}

static bool is_map_of_ours(const struct bg_datapath *datapath, const char *name)
{
	static const char *const others[] = { BG_CONFIG_PIN, BG_SEED_PIN, BG_IMAGE_PIN,
					      BG_IMAGE_NEXT_PIN };
	const struct bpf_map *map = bpf_object__find_map_by_name(datapath->skel->obj, name);

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (!strcmp(name, others[i]))
			return true;
	return map && !bpf_map__is_internal(map);
}

static int remove_unknown_map(const char *name, void *context)
{
	const struct bg_datapath *datapath = context;

	return is_map_of_ours(datapath, name)
		       ? 0
		       : bg_pin_remove(datapath->options.pin_dir, BG_PIN_MAPS, name);
}

static int remove_unknown_program(const char *name, void *context)
{
	const struct bg_datapath *datapath = context;

	return bpf_object__find_program_by_name(datapath->skel->obj, name)
		       ? 0
		       : bg_pin_remove(datapath->options.pin_dir, BG_PIN_PROGRAMS, name);
}

/* Of a newer build with the same ABI, that has more than this one: nobody would look after
 * those. */
static int remove_unknown(struct bg_datapath *datapath, struct bg_error *err)
{
	const char *pin_dir = datapath->options.pin_dir;
	int rc = bg_pin_each(pin_dir, BG_PIN_MAPS, remove_unknown_map, datapath)
			 ?: bg_pin_each(pin_dir, BG_PIN_PROGRAMS, remove_unknown_program, datapath);

	return rc ? bg_fail(err, rc, "removing pins of another build in %s: %s", pin_dir,
			    strerror(-rc))
		  : 0;
}

int bg_datapath_finish(struct bg_datapath *datapath, struct bg_error *err)
{
	const char *pin_dir = datapath->options.pin_dir;
	int rc = bg_migrate_flows(datapath, err);

	if (datapath->old_flows_fd >= 0)
		close(datapath->old_flows_fd);
	datapath->old_flows_fd = -1;
	if (rc)
		return rc;
	rc = bg_pin_aside_remove(pin_dir);
	if (rc)
		return bg_fail(err, rc, "removing %s/maps_aside: %s", pin_dir, strerror(-rc));
	return remove_unknown(datapath, err);
}

int bg_datapath_pin(struct bg_datapath *datapath, struct bg_error *err)
{
	struct branchguard_bpf *skel = datapath->skel;
	const struct {
		const struct bpf_map *map;
		const char *name;
	} last[] = {
		{ skel->maps.rodata, BG_CONFIG_PIN },
		{ skel->maps.rodata_seed, BG_SEED_PIN },
		/* its presence says that the others are complete */
		{ skel->maps.control, "control" },
	};
	struct bpf_map *map;
	int made, rc;

	if (datapath->from)
		return pin_in_place_of_others(datapath, err);
	made = rc = pin_policy(datapath, err);
	bpf_object__for_each_map (map, skel->obj) {
		if (rc < 0)
			return rc;
		if (bpf_map__is_internal(map) || map == skel->maps.control ||
		    map == skel->maps.policy)
			continue;
		rc = pin_map(datapath, map, bpf_map__name(map), err);
		made += rc;
	}
	for (size_t i = 0; i < sizeof(last) / sizeof(last[0]) && rc >= 0; i++) {
		rc = pin_map(datapath, last[i].map, last[i].name, err);
		made += rc;
	}
	return rc < 0 ? rc : made;
}

struct pinned_programs {
	const char *pin_dir;
	struct bg_ids *ids;
};

static int note_program(const char *name, void *context)
{
	const struct pinned_programs *pinned = context;
	bg_auto_close int fd = bg_pin_get(pinned->pin_dir, BG_PIN_PROGRAMS, name);
	struct bpf_prog_info info = {};
	__u32 length = sizeof(info);
	int rc;

	/* somebody unpinned it since it was listed */
	if (fd == -ENOENT)
		return 0;
	rc = fd < 0 ? fd : bpf_prog_get_info_by_fd(fd, &info, &length);
	return rc ? rc : bg_ids_add(pinned->ids, info.id);
}

int bg_pinned_programs(const char *pin_dir, struct bg_ids *ids)
{
	struct pinned_programs pinned = { pin_dir, ids };

	return bg_pin_each(pin_dir, BG_PIN_PROGRAMS, note_program, &pinned);
}

int bg_datapath_pin_programs(struct bg_datapath *datapath, struct bg_error *err)
{
	const char *pin_dir = datapath->options.pin_dir;
	struct bpf_program *program;
	int made = 0;

	bpf_object__for_each_program (program, datapath->skel->obj) {
		int rc;

		/* that is run once, and never attached */
		if (!bpf_program__autoload(program) ||
		    program == datapath->skel->progs.tc_import_flows) {
			/* an earlier daemon may have loaded it */
			bg_pin_remove(pin_dir, BG_PIN_PROGRAMS, bpf_program__name(program));
			continue;
		}
		rc = pin_one(datapath, BG_PIN_PROGRAMS, bpf_program__name(program),
			     bpf_program__fd(program), err);
		if (rc < 0)
			return rc;
		made += rc;
	}
	return made;
}
