package io.llmdb.tests.identity;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.llmdb.audit.AuditAction;
import io.llmdb.common.PageRequest;
import io.llmdb.error.ConflictException;
import io.llmdb.error.InvalidArgumentException;
import io.llmdb.error.NotFoundException;
import io.llmdb.identity.Invitation;
import io.llmdb.identity.InvitationExpiredException;
import io.llmdb.identity.InvitationFilter;
import io.llmdb.identity.InvitationRepository;
import io.llmdb.identity.InvitationUsedException;
import io.llmdb.identity.ModelAccessDecidedException;
import io.llmdb.identity.ModelAccessRequest;
import io.llmdb.identity.ModelAccessRequestFilter;
import io.llmdb.identity.ModelAccessStatus;
import io.llmdb.identity.UserSpec;
import io.llmdb.testkit.DatabaseClock;
import io.llmdb.testkit.LlmDbTest;
import io.llmdb.testkit.TestDatabase;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** Invitations and requests for models, from their beginning to their end. */
@LlmDbTest
class LifecycleTest {

    private static final Instant START = Instant.parse("2031-03-01T12:00:00.5Z");

    @Test
    void anInvitationWorksOnceAndLookingDoesNotUseItUp(TestDatabase database, DatabaseClock clock) {
        clock.freeze(START);
        People people = People.of(database);
        people.users().create(UserSpec.of("a@example.org"), "u");
        Invitation made = people.invitations().create("u");

        assertThat(made.userId()).isEqualTo("u");
        assertThat(made.isAccepted()).isFalse();
        assertThat(made.expiresAt()).isEqualTo(START.plus(Duration.ofDays(7)));
        assertThat(made.createdBy()).isEqualTo(People.ADMIN.id());
        assertThat(made.toString()).doesNotContain(made.id());
        assertThat(people.invitations().find(made.id())).contains(made);
        assertThat(people.invitations().require(made.id())).isEqualTo(made);

        clock.freeze(START.plus(Duration.ofDays(7)).minusMillis(1));
        Invitation accepted = people.invitations().accept(made.id());
        assertThat(accepted.acceptedAt()).isEqualTo(clock.now());
        assertThat(people.invitations().require(made.id())).isEqualTo(accepted);

        assertThatThrownBy(() -> people.invitations().accept(made.id()))
                .isInstanceOf(InvitationUsedException.class)
                .isInstanceOf(ConflictException.class)
                .hasMessageContaining("was used at 2031-03-08");
        assertThat(people.history("LLM_InvitationLink", made.id()))
                .extracting(entry -> entry.action())
                .containsExactly(AuditAction.UPDATED, AuditAction.CREATED);
    }

    @Test
    void anInvitationEndsAfterSevenDays(TestDatabase database, DatabaseClock clock) {
        clock.freeze(START);
        People people = People.of(database);
        people.users().create(UserSpec.empty(), "u");
        Invitation made = people.invitations().create("u");
        clock.freeze(START.plus(InvitationRepository.LIFETIME));

        assertThatThrownBy(() -> people.invitations().accept(made.id()))
                .isInstanceOf(InvitationExpiredException.class)
                .hasMessageContaining("ended at 2031-03-08T12:00:00.500Z");
        assertThat(people.invitations().require(made.id()).isAccepted()).isFalse();
        assertThat(people.invitations()
                        .list(InvitationFilter.all().withExpired(true), PageRequest.first(5))
                        .items())
                .hasSize(1);
    }

    @Test
    void ofManyAcceptancesAtOnceOneWins(TestDatabase database) throws Exception {
        try (var pool = MembershipStormTest.pool(database, 8)) {
            for (boolean audited : new boolean[] {false, true}) {
                People people = People.of(pool, database.schema(), audited);
                people.users().create(UserSpec.empty(), "u" + audited);
                for (int round = 0; round < 20; round++) {
                    String id = people.invitations().create("u" + audited).id();
                    AtomicInteger won = new AtomicInteger();
                    AtomicInteger told = new AtomicInteger();
                    List<Callable<Object>> callers = new ArrayList<>();
                    for (int i = 0; i < 2 + round % 4; i++) {
                        callers.add(() -> {
                            try {
                                people.invitations().accept(id);
                                return won.incrementAndGet();
                            } catch (InvitationUsedException e) {
                                return told.incrementAndGet();
                            }
                        });
                    }
                    MembershipStormTest.atOnce(callers);
                    assertThat(won).hasValue(1);
                    assertThat(told).hasValue(callers.size() - 1);
                }
            }
            assertThat(database.value(
                            Long.class, "SELECT count(*) FROM ${llmdb}.\"LLM_AuditLog\" WHERE action = 'updated'"))
                    .isEqualTo(20);
        }
    }

    @Test
    void invitationsAreListedTakenBackAndRefused(TestDatabase database) {
        People people = People.of(database);
        people.users().create(UserSpec.empty(), "u");
        people.users().create(UserSpec.empty(), "v");
        List<String> ids = new ArrayList<>();
        for (int i = 0; i < 5; i++) {
            ids.add(people.invitations().create(i < 3 ? "u" : "v").id());
        }
        people.invitations().accept(ids.get(0));
        people.invitations().delete(ids.get(4));

        assertThat(ids(people, InvitationFilter.all())).containsExactly(ids.get(3), ids.get(2), ids.get(1), ids.get(0));
        assertThat(ids(people, InvitationFilter.all().withOrder(InvitationFilter.Order.EXPIRY)))
                .containsExactly(ids.get(0), ids.get(1), ids.get(2), ids.get(3));
        assertThat(ids(people, InvitationFilter.all().withUserId("u").withAccepted(false)))
                .containsExactly(ids.get(2), ids.get(1));
        assertThat(ids(people, InvitationFilter.all().withExpired(true))).isEmpty();
        assertThat(ids(people, InvitationFilter.all().withExpired(false))).hasSize(4);
        assertThatThrownBy(() -> people.invitations().create("nobody"))
                .isInstanceOf(NotFoundException.class)
                .hasMessage("user_id \"nobody\": there is no such user");
        assertThatThrownBy(() -> people.invitations().accept(ids.get(4)))
                .isInstanceOf(NotFoundException.class)
                .hasMessageContaining("there is no such invitation");
        assertThatThrownBy(() -> people.invitations().delete(ids.get(4))).isInstanceOf(NotFoundException.class);
    }

    @Test
    void anApprovalGivesTheModels(TestDatabase database) {
        People people = People.of(database);
        people.users().create(UserSpec.empty().withModels(List.of("a", "b")), "u");
        ModelAccessRequest made = people.requests().create("u", List.of("b", "c"), "for the report");

        assertThat(made.status()).isEqualTo(ModelAccessStatus.PENDING);
        assertThat(people.requests().require(made.id())).isEqualTo(made);
        ModelAccessRequest approved = people.requests().approve(made.id());

        assertThat(approved.status()).isEqualTo(ModelAccessStatus.APPROVED);
        assertThat(approved.decidedBy()).isEqualTo(People.ADMIN.id());
        assertThat(approved.decidedAt()).isNotNull();
        assertThat(people.requests().require(made.id())).isEqualTo(approved);
        assertThat(people.users().require("u").spec().models()).containsExactly("a", "b", "c");
        for (Callable<?> again : List.<Callable<?>>of(
                () -> people.requests().approve(made.id()),
                () -> people.requests().disapprove(made.id()))) {
            assertThatThrownBy(again::call)
                    .isInstanceOf(ModelAccessDecidedException.class)
                    .hasMessageContaining("is approved already, by \"admin-7\"");
        }
    }

    @Test
    void anApprovalNeverTakesAway(TestDatabase database) {
        People people = People.of(database);
        people.users().create(UserSpec.empty(), "all");
        people.users().create(UserSpec.empty().withModels(List.of("no-default-models")), "none");

        people.requests()
                .approve(people.requests().create("all", List.of("m"), "").id());
        people.requests()
                .approve(people.requests().create("none", List.of("m"), "").id());

        assertThat(people.users().require("all").spec().models()).isEmpty();
        assertThat(people.users().require("none").spec().models()).containsExactly("m");
    }

    @Test
    void aDisapprovalGivesNothing(TestDatabase database) {
        People people = People.of(database);
        people.users().create(UserSpec.empty().withModels(List.of("a")), "u");
        String id = people.requests().create("u", List.of("b"), "").id();

        assertThat(people.requests().disapprove(id).status()).isEqualTo(ModelAccessStatus.DISAPPROVED);

        assertThat(people.users().require("u").spec().models()).containsExactly("a");
        assertThatThrownBy(() -> people.requests().approve(id)).isInstanceOf(ModelAccessDecidedException.class);
    }

    @Test
    void ofManyDecisionsAtOnceOneWins(TestDatabase database) throws Exception {
        try (var pool = MembershipStormTest.pool(database, 6)) {
            People people = People.of(pool, database.schema(), false);
            people.users().create(UserSpec.empty().withModels(List.of("a")), "u");
            for (int round = 0; round < 20; round++) {
                String model = "m" + round;
                String id = people.requests().create("u", List.of(model), "").id();
                AtomicInteger told = new AtomicInteger();
                List<Callable<Object>> callers = new ArrayList<>();
                for (int i = 0; i < 4; i++) {
                    boolean approve = i % 2 == 0;
                    callers.add(() -> {
                        try {
                            return approve
                                    ? people.requests().approve(id)
                                    : people.requests().disapprove(id);
                        } catch (ModelAccessDecidedException e) {
                            return told.incrementAndGet();
                        }
                    });
                }
                MembershipStormTest.atOnce(callers);
                assertThat(told).hasValue(3);
                boolean approved = people.requests().require(id).status() == ModelAccessStatus.APPROVED;
                assertThat(people.users().require("u").spec().models().contains(model))
                        .isEqualTo(approved);
            }
        }
    }

    @Test
    void requestsAreListedAndRefused(TestDatabase database) {
        People people = People.of(database);
        people.users().create(UserSpec.empty(), "u");
        people.users().create(UserSpec.empty(), "v");
        String one = people.requests().create("u", List.of("a"), "").id();
        String two = people.requests().create("v", List.of("a"), "").id();
        String three = people.requests().create("u", List.of("a"), "").id();
        people.requests().approve(one);

        var all = ModelAccessRequestFilter.all();
        assertThat(requestIds(people, all)).containsExactly(three, two, one);
        assertThat(requestIds(people, all.withOrder(ModelAccessRequestFilter.Order.OLDEST)))
                .containsExactly(one, two, three);
        assertThat(requestIds(people, all.withUserId("u").withStatus(ModelAccessStatus.PENDING)))
                .containsExactly(three);
        people.requests().delete(three);
        assertThat(people.requests().exists(three)).isFalse();
        assertThatThrownBy(() -> people.requests().create("u", List.of(), ""))
                .isInstanceOf(InvalidArgumentException.class)
                .hasMessageContaining("models is empty");
        assertThatThrownBy(() -> people.requests().create("nobody", List.of("a"), ""))
                .isInstanceOf(NotFoundException.class)
                .hasMessage("user_id \"nobody\": there is no such user");
        assertThatThrownBy(() -> people.requests().approve("nothing"))
                .isInstanceOf(NotFoundException.class)
                .hasMessage("request_id \"nothing\": there is no such request for models");
    }

    private static List<String> ids(People people, InvitationFilter filter) {
        return People.all(2, page -> people.invitations().list(filter, page)).stream()
                .map(Invitation::id)
                .toList();
    }

    private static List<String> requestIds(People people, ModelAccessRequestFilter filter) {
        return People.all(2, page -> people.requests().list(filter, page)).stream()
                .map(ModelAccessRequest::id)
                .toList();
    }
}
