// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Metrics for the textfile collector of node_exporter. The daemon calls it every few
 * seconds; the collector never sees a file that is not complete.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "show/metrics_file.h"
#include "show/status.h"

int bg_metrics_write(const char *pin_dir, const char *path, const struct bg_build *build,
		     bool goes_on, struct bg_error *err)
{
	bg_cleanup(bg_status_free) struct bg_status status = {};
	char replacement[PATH_MAX];
	bg_auto_close int fd = -1;
	FILE *file;
	int rc = bg_status_read(pin_dir, NULL, &status, err);

	if (rc)
		return rc;
	status.daemon_runs &= goes_on;
	/* the collector reads *.prom only, so not this one */
	if (snprintf(replacement, sizeof(replacement), "%s.new", path) >= (int)sizeof(replacement))
		return bg_fail(err, -ENAMETOOLONG, "metrics file: the path is too long");
	/* what is left of an earlier try, or what somebody put there for us to follow */
	unlink(replacement);
	fd = open(replacement, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	file = fd < 0 ? NULL : fdopen(fd, "w");
	if (file)
		bg_take_fd(&fd);
	else
		return bg_fail(err, -errno, "metrics file: cannot write %s: %s", replacement,
			       strerror(errno));
	bg_metrics_print(file, &status, build);
	rc = ferror(file) ? -EIO : 0;
	if (fclose(file))
		rc = -errno;
	if (!rc && rename(replacement, path))
		rc = -errno;
	if (rc) {
		unlink(replacement);
		return bg_fail(err, rc, "metrics file: cannot write %s: %s", path, strerror(-rc));
	}
	return 0;
}
