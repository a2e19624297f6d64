// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Looks whether the map `policy` still holds what was put in force, and puts that back if it
 * does not. The daemon calls it once a second: without an entry there nothing passes, with
 * somebody else's something else does. It is not called while a revision is put in force.
 */
#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "branchguard.skel.h"
#include "datapath/datapath.h"
#include "pinned/foreign.h"

int bg_datapath_policy_again(const struct bg_datapath *datapath, struct bg_error *err)
{
	const struct bpf_map *policy = datapath->skel->maps.policy;
	__u32 zero = 0, id = 0;
	struct bpf_map_info info;
	int rc;

	if (datapath->image_fd < 0)
		return 0;
	rc = bpf_map_lookup_elem(bpf_map__fd(policy), &zero, &id);
	/* what could not be asked is not known to be gone */
	if (rc && rc != -ENOENT)
		return bg_fail(err, rc, "looking at the entry of map policy: %s", strerror(-rc));
	if (!rc) {
		rc = bg_map_info(datapath->image_fd, &info);
		if (rc)
			return bg_fail(err, rc, "asking the kernel about the image in force: %s",
				       strerror(-rc));
		if (info.id == id)
			return 0;
	}
	rc = bg_map_set(policy, &zero, &datapath->image_fd, err);
	return rc ? rc : 1;
}
