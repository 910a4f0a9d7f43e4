/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads PT_INTERP and the DT_NEEDED entries (elf(5)), so that what an image
 * needs is known without running anything.
 */
#include <elf.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fileio.h"
#include "needs.h"

#define ELF_FILE_MAX (256 * 1024 * 1024)

struct image {
	const char *data;
	size_t len;
	const Elf64_Phdr *ph;
	size_t n;
};

/* n bytes at the offset, or NULL if they are not all in the file. */
static const void *at(const struct image *im, uint64_t offset, uint64_t n)
{
	if (offset > im->len || n > im->len - offset)
		return NULL;
	return im->data + offset;
}

static const char *string_at(const struct image *im, uint64_t offset)
{
	const char *s = at(im, offset, 1);

	return s && memchr(s, '\0', im->len - offset) ? s : NULL;
}

/* Where the bytes of a virtual address are in the file. */
static uint64_t file_offset(const struct image *im, uint64_t vaddr)
{
	for (size_t i = 0; i < im->n; i++)
		if (im->ph[i].p_type == PT_LOAD && vaddr >= im->ph[i].p_vaddr &&
		    vaddr - im->ph[i].p_vaddr < im->ph[i].p_filesz)
			return im->ph[i].p_offset + vaddr - im->ph[i].p_vaddr;
	return UINT64_MAX;
}

static int open_image(struct image *im)
{
	const Elf64_Ehdr *eh = at(im, 0, sizeof(*eh));

	if (!eh || memcmp(eh->e_ident, ELFMAG, SELFMAG) != 0 ||
	    eh->e_ident[EI_CLASS] != ELFCLASS64 || eh->e_machine != EM_X86_64 ||
	    eh->e_phentsize != sizeof(*im->ph) ||
	    eh->e_phoff % _Alignof(Elf64_Phdr))
		return -ENOEXEC;
	im->n = eh->e_phnum;
	im->ph = at(im, eh->e_phoff, im->n * sizeof(*im->ph));
	return im->ph ? 0 : -ENOEXEC;
}

static int read_dynamic(const struct image *im, const Elf64_Phdr *ph,
			struct needs *out)
{
	const Elf64_Dyn *dyn = at(im, ph->p_offset, ph->p_filesz);
	size_t n = ph->p_filesz / sizeof(*dyn), i;
	uint64_t strings = UINT64_MAX;

	if (!dyn || ph->p_offset % _Alignof(Elf64_Dyn))
		return -ENOEXEC;
	for (i = 0; i < n && dyn[i].d_tag != DT_NULL; i++)
		if (dyn[i].d_tag == DT_STRTAB)
			strings = file_offset(im, dyn[i].d_un.d_ptr);
	n = i;
	for (i = 0; i < n; i++) {
		const char *name;

		if (dyn[i].d_tag != DT_NEEDED)
			continue;
		if (strings == UINT64_MAX || dyn[i].d_un.d_val > im->len)
			return -ENOEXEC;
		name = string_at(im, strings + dyn[i].d_un.d_val);
		if (!name || strchr(name, '/') || out->n == NEEDS_MAX)
			return -ENOEXEC;
		out->libs[out->n++] = name;
	}
	return 0;
}

static int read_headers(const struct image *im, struct needs *out)
{
	int rc = 0;

	for (size_t i = 0; i < im->n && !rc; i++) {
		if (im->ph[i].p_type == PT_INTERP) {
			out->interp = string_at(im, im->ph[i].p_offset);
			rc = out->interp ? 0 : -ENOEXEC;
		} else if (im->ph[i].p_type == PT_DYNAMIC) {
			rc = read_dynamic(im, &im->ph[i], out);
		}
	}
	return rc;
}

int needs_read(const char *path, struct needs *out, struct errinfo *err)
{
	struct image im = { 0 };
	int rc;

	memset(out, 0, sizeof(*out));
	rc = fileio_read(path, ELF_FILE_MAX, &out->data, &im.len, err);
	if (rc)
		return rc;
	im.data = out->data;
	rc = open_image(&im);
	if (!rc)
		rc = read_headers(&im, out);
	if (!rc)
		return 0;
	needs_dispose(out);
	return errinfo_set(err, rc, "%s is no x86-64 ELF file", path);
}

void needs_dispose(struct needs *n)
{
	free(n->data);
	memset(n, 0, sizeof(*n));
}
