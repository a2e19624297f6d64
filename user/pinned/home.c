// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Keeps whoever acts on pins at home: the same ifindex is another interface elsewhere,
 * and a daemon that starts there takes the node's for gone. Asked by the daemon and by
 * unload before they touch anything; the datapath writes the map.
 */
#include "pinned/home.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "pinned/foreign.h"
#include "pinned/pin.h"

int bg_home_here(struct bg_home *home, struct bg_error *err)
{
	bg_auto_close int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t length = sizeof(home->netns_cookie);

	if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &home->netns_cookie, &length))
		return bg_fail(err, -errno, "asking for the cookie of the network namespace: %s",
			       strerror(errno));
	return 0;
}

int bg_home_check(const char *pin_dir, struct bg_error *err)
{
	struct bg_home pinned = {}, here = {};
	bg_auto_close int fd = -1;
	int rc;

	fd = bg_pin_get_to_read(pin_dir, BG_PIN_MAPS, "home");
	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return bg_fail(err, fd, "opening %s/maps/home: %s", pin_dir, strerror(-fd));
	rc = bg_foreign_get(fd, 0, &pinned, sizeof(pinned));
	if (rc)
		return bg_fail(err, rc, "reading %s/maps/home: %s", pin_dir, strerror(-rc));
	rc = bg_home_here(&here, err);
	if (rc)
		return rc;
	if (!pinned.netns_cookie || pinned.netns_cookie == here.netns_cookie)
		return 0;
	return bg_fail(err, -EXDEV,
		       "what is pinned in %s guards the interfaces of another network namespace "
		       "(cookie %llu, this one has %llu): run it there (a DaemonSet needs "
		       "hostNetwork: true), or give this one its own --pin-dir; if that namespace "
		       "is no more, `branchguard unload --any-netns` takes away what is left of it",
		       pin_dir, pinned.netns_cookie, here.netns_cookie);
}
