/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ACL_CARRY_H
#define ACL_CARRY_H

/* Rules (acl_emit) with what rules that read the same counted in `loaded`, a
 * listing of the table as text. Caller frees *out. -ENOMEM. */
int acl_carry(const char *loaded, const char *rules, char **out);

#endif
