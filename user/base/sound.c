// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What is believed of a pinned value. Who reads maps to show them, the converters of other
 * layouts and a start that takes over call it; it reads no map.
 */
#include "base/sound.h"

#define END(text) ((text)[sizeof(text) - 1] = '\0')

bool bg_sound_iface(struct bg_iface *iface)
{
	END(iface->interface);
	iface->flags &= BG_IFACE_SHARED | BG_IFACE_OUR_QDISC;
	return iface->ifindex && (__u32)iface->role <= BG_ROLE_PRIMARY && iface->vlan < BG_VLANS;
}

bool bg_sound_branch(__u32 vlan, struct bg_branch_info *branch)
{
	END(branch->id);
	END(branch->interface);
	END(branch->armed_since);
	END(branch->groups);
	/* its tag and its slot are good, whatever modes another build has */
	if ((__u32)branch->mode > BG_STANDARD)
		branch->mode = BG_STRICT;
	return vlan && vlan < BG_VLANS;
}

bool bg_sound_pod(struct bg_pod *pod)
{
	END(pod->address);
	END(pod->mac_text);
	END(pod->host_mac_text);
	return pod->vlan < BG_VLANS && (__u32)pod->mode <= BG_STANDARD;
}

bool bg_sound_rule(struct bg_rule *rule)
{
	END(rule->group);
	END(rule->rule_id);
	END(rule->peer);
	return (__u32)rule->direction < BG_DIRECTIONS;
}

void bg_sound_control(struct bg_control *control)
{
	END(control->published);
	END(control->feed_revision);
}

void bg_sound_revision(struct bg_revision *revision)
{
	END(revision->feed_revision);
	END(revision->sha256);
	END(revision->time);
}
