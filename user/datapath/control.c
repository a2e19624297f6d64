// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Says in the map `control` which revision is in force. publish.c calls it when one is; what
 * the kernel would not write is written later, by the daemon's looks, since until then
 * everybody is told of the revision before.
 */
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/clock.h"
#include "base/format.h"
#include "branchguard.skel.h"
#include "datapath/datapath.h"

void bg_datapath_announce(struct bg_datapath *datapath, const char *feed_revision)
{
	datapath->unannounced = true;
	datapath->published_ns = bg_boottime_ns();
	snprintf(datapath->feed_revision, sizeof(datapath->feed_revision), "%s", feed_revision);
	bg_datapath_settle(datapath);
}

/*
 * The counters in `control` belong to the datapath: what programs add between the read
 * and the write here is lost, a few packets at most with each revision.
 */
void bg_datapath_settle(struct bg_datapath *datapath)
{
	const int fd = bpf_map__fd(datapath->skel->maps.control);
	struct bg_control control = {};
	char published[BG_FORMAT_TEXT];
	__u32 zero = 0;

	if (!datapath->unannounced || bpf_map_lookup_elem(fd, &zero, &control))
		return;
	control.abi = BG_ABI;
	control.revision = datapath->revision;
	control.published_ns = datapath->published_ns;
	bg_format_boottime(control.published_ns, published);
	snprintf(control.published, sizeof(control.published), "%s", published);
	memcpy(control.feed_revision, datapath->feed_revision, sizeof(control.feed_revision));
	datapath->unannounced = bpf_map_update_elem(fd, &zero, &control, BPF_ANY) != 0;
}
