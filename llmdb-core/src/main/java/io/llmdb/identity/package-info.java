/** Organizations, teams, users, end users, memberships, invitations, model-access requests. */
@NullMarked
package io.llmdb.identity;

import org.jspecify.annotations.NullMarked;
