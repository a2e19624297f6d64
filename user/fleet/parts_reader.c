// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Reads those parts of a directory that somebody asks for, and remembers which. `follow` has a
 * feed put together from them; a directory in which others write while it is read is looked at
 * once more afterwards. It changes nothing.
 */
#include "fleet/parts_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/grow.h"

/* Of what stands there itself, were it a link. */
static struct bg_file_stamp stamp_of(const struct bg_parts_dir *dir, const char *file)
{
	struct stat now;

	if (fstatat(dir->fd, file, &now, AT_SYMLINK_NOFOLLOW))
		return (struct bg_file_stamp){};
	return (struct bg_file_stamp){
		.present = true,
		.device = now.st_dev,
		.inode = now.st_ino,
		.size_bytes = now.st_size,
		.changed = now.st_ctim,
		.modified = now.st_mtim,
	};
}

static int note(struct bg_parts_reader *reader, const char *file)
{
	struct bg_part_stamp *added = BG_GROW(reader->stamps, reader->stamp_count);

	if (!added)
		return -ENOMEM;
	*added = (struct bg_part_stamp){ strdup(file), stamp_of(&reader->dir, file) };
	return added->file ? 0 : -ENOMEM;
}

static int read_part(struct bg_parts_reader *reader, enum bg_part_kind kind, const char *name,
		     struct bg_error *err)
{
	char file[BG_PART_FILE_TEXT];
	int rc = note(reader, bg_part_file(kind, name, file))
			 ? bg_no_memory(err, BG_PARTS_DOING)
			 : bg_parts_dir_read_part(&reader->dir, kind, name, &reader->read, err);

	if (rc)
		return rc;
	reader->read_bytes += bg_part_set_find(&reader->read, kind, name)->length_bytes;
	return reader->read_bytes > BG_PARTS_MOST_BYTES
		       ? bg_fail(err, -E2BIG,
				 "%s: the parts of this node have more than %u bytes, expected no "
				 "more than that",
				 reader->dir.path, BG_PARTS_MOST_BYTES)
		       : 0;
}

static int get(void *context, enum bg_part_kind kind, const char *name, const json_t **spec,
	       struct bg_error *err)
{
	struct bg_parts_reader *reader = context;
	int rc = bg_part_set_find(&reader->read, kind, name) ? 0
							     : read_part(reader, kind, name, err);

	if (rc)
		return rc;
	*spec = bg_part_set_find(&reader->read, kind, name)->spec;
	return 0;
}

struct bg_part_source bg_parts_reader_source(struct bg_parts_reader *reader)
{
	return (struct bg_part_source){ .get = get, .context = reader };
}

bool bg_parts_reader_is_current(const struct bg_parts_reader *reader)
{
	for (size_t i = 0; i < reader->stamp_count; i++) {
		struct bg_file_stamp now = stamp_of(&reader->dir, reader->stamps[i].file);

		if (!bg_file_is_same(&reader->stamps[i].stamp, &now))
			return false;
	}
	return true;
}

void bg_parts_reader_release(struct bg_parts_reader *reader)
{
	for (size_t i = 0; i < reader->stamp_count; i++)
		free(reader->stamps[i].file);
	free(reader->stamps);
	bg_part_set_release(&reader->read);
	*reader = (struct bg_parts_reader){ .dir = reader->dir };
}
