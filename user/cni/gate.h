/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * May this pod start? Yes when each of its branches is armed, with a revision that has the pod:
 * from what is pinned and attached to one answer. Pure.
 */
#ifndef BG_CNI_GATE_H
#define BG_CNI_GATE_H

#include "cni/prev_result.h"
#include "show/status.h"

/* The pod, as the plugins before ours made it. */
struct bg_gate_pod {
	const struct bg_prev_result *made;
	__u32 *host_ifindexes; /* of made->hosts, as they are now; 0 = there is none of that name */
};

/*
 * Has the revision in force this pod, behind these branches? By its addresses and by the host
 * end of its veth, which the feed names after namespace and pod: so the pod that had the
 * address or the VLAN before it is not taken for it. Needs the control, the image, branches and
 * pods of the status. false: *why says what is missing.
 */
bool bg_gate_is_known(const struct bg_gate_pod *pod, const struct bg_status *status,
		      struct bg_error *why);

/* Is all of it attached? Needs, beside these, interfaces and hooks. */
bool bg_gate_is_armed(const struct bg_gate_pod *pod, const struct bg_status *status,
		      struct bg_error *why);

#endif
