// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "scripted_datapath.h"

#include <unistd.h>

#include "feed_text.h"
#include "pinned/pin.h"
#include "test.h"

/* clang-format off */
#define FEED \
	"{'FeedVersion': 1, 'Revision': 'r', 'SecurityGroups': [{'GroupId': 'sg-1'," \
	" 'IpPermissions': [{'IpProtocol': 'tcp', 'FromPort': 80, 'ToPort': 80," \
	" 'IpRanges': [{'CidrIp': '10.0.0.0/8'}]}]}]," \
	" 'Branches': [{'Id': 'eni-9', 'VlanId': 9, 'GroupIds': ['sg-1'], 'Pods': []}]}"
/* clang-format on */

int script_lock_fd = -1;
static const char *pin_dir;

void must(int rc, const struct bg_error *err)
{
	if (rc < 0)
		fail_msg("%s", err->text);
}

const char *script_begin_locked(void)
{
	struct bg_error err = {};

	pin_dir = script_bpf_begin();
	must(bg_pin_lock(pin_dir, true, &script_lock_fd, &err), &err);
	return pin_dir;
}

void script_unlock(void)
{
	close(script_lock_fd);
	script_lock_fd = -1;
}

void script_end_locked(void)
{
	script_unlock();
	script_bpf_end();
}

struct bg_datapath_options script_options(const char *const *only)
{
	return (struct bg_datapath_options){ .pin_dir = pin_dir,
					     .max_flows = 64,
					     .max_rules = 8,
					     .max_branches = 4,
					     .image_blocks = 1024,
					     .only = only };
}

void script_publish(struct bg_datapath *datapath)
{
	struct bg_model *model = feed_parse(FEED);
	struct bg_publish_times times;
	struct bg_error err = {};

	must(bg_datapath_set_model(datapath, model, &times, &err), &err);
	bg_model_free(model);
}
