// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Files in memory, for texts that the daemon gives to other processes or gets from them.
 * Both ends call it; what is in them is nobody's business here.
 */
#include "apart/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8U /* Linux 6.3 */
#endif

int bg_memory_new(const char *what, struct bg_error *err)
{
	int fd = memfd_create("branchguard", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("branchguard", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return bg_fail(err, -errno, "making room for %s: %s", what, strerror(errno));
	return fd;
}

int bg_memory_write(int fd, const void *bytes, size_t length_bytes)
{
	const char *next = bytes;

	while (length_bytes) {
		ssize_t done = write(fd, next, length_bytes);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done ? -errno : -EIO;
		next += done;
		length_bytes -= (size_t)done;
	}
	return 0;
}

int bg_memory_of(const char *what, const void *bytes, size_t length_bytes, struct bg_error *err)
{
	bg_auto_close int fd = bg_memory_new(what, err);
	int rc;

	if (fd < 0)
		return fd;
	rc = bg_memory_write(fd, bytes, length_bytes);
	if (!rc && lseek(fd, 0, SEEK_SET) < 0)
		rc = -errno;
	if (rc)
		return bg_fail(err, rc, "making room for %s: %s", what, strerror(-rc));
	return bg_take_fd(&fd);
}

int bg_memory_map(int fd, const char *what, struct bg_memory *memory, struct bg_error *err)
{
	const int seals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;
	const int there = fcntl(fd, F_GET_SEALS);
	struct bg_memory mapped = {};
	struct stat status;

	/* -1, of what cannot be sealed at all, has every bit */
	if ((there < 0 || (there & seals) != seals) && fcntl(fd, F_ADD_SEALS, seals))
		return bg_fail(err, -errno, "sealing %s: %s", what, strerror(errno));
	if (fstat(fd, &status))
		return bg_fail(err, -errno, "mapping %s: %s", what, strerror(errno));
	mapped.length_bytes = (size_t)status.st_size;
	if (mapped.length_bytes) {
		mapped.bytes = mmap(NULL, mapped.length_bytes, PROT_READ, MAP_PRIVATE, fd, 0);
		if (mapped.bytes == MAP_FAILED)
			return bg_fail(err, -errno, "mapping %s: %s", what, strerror(errno));
	}
	*memory = mapped;
	return 0;
}

void bg_memory_unmap(const struct bg_memory *memory)
{
	if (memory->bytes)
		munmap(memory->bytes, memory->length_bytes);
}
