package io.llmdb.tests.architecture;

import static com.tngtech.archunit.base.DescribedPredicate.describe;
import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideOutsideOfPackage;
import static com.tngtech.archunit.lang.conditions.ArchConditions.onlyDependOnClassesThat;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.fields;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.GeneralCodingRules.NO_CLASSES_SHOULD_ACCESS_STANDARD_STREAMS;
import static com.tngtech.archunit.library.GeneralCodingRules.NO_CLASSES_SHOULD_USE_JAVA_UTIL_LOGGING;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaCall;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaPackage;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import io.llmdb.error.LlmDbException;
import io.llmdb.tests.architecture.bad.LeakyRepository;
import java.time.Clock;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZonedDateTime;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;

/** The rules of the house: who may know whom, and what no library of ours does. */
class ArchitectureTest {

    /** From the ground up. A package knows those in the lines above its own. */
    private static final List<Set<String>> FLOORS = List.of(
            Set.of("io.llmdb.error"),
            Set.of("io.llmdb.schema", "io.llmdb.schema.jooq.."),
            Set.of("io.llmdb.common"),
            Set.of("io.llmdb.internal", "io.llmdb.windows"),
            Set.of("io.llmdb.audit"),
            Set.of("io.llmdb.identity"),
            Set.of("io.llmdb.keys"),
            Set.of("io.llmdb.models"),
            Set.of("io.llmdb.spend"),
            Set.of("io.llmdb.limits"),
            Set.of("io.llmdb.budgets"),
            Set.of("io.llmdb.usage", "io.llmdb.maintenance", "io.llmdb.move"),
            Set.of("io.llmdb.litellm"),
            // Settings offer the choices that subjects give, in the subjects' own words.
            Set.of("io.llmdb.settings"),
            Set.of("io.llmdb"),
            Set.of("io.llmdb.testkit.."));

    /** Their time is not the books' time: the clock that is set by the database's, and the tests' own. */
    private static final String[] OWN_TIME = {"io.llmdb.internal..", "io.llmdb.settings..", "io.llmdb.testkit.."};

    @Test
    void packagesKnowOnlyTheFloorsBelow() {
        List<String> below = new ArrayList<>();
        for (Set<String> floor : FLOORS) {
            for (String own : floor) {
                List<String> known = new ArrayList<>(below);
                known.add(own);
                classes()
                        .that()
                        .resideInAPackage(own)
                        .should(onlyDependOnClassesThat(resideOutsideOfPackage("io.llmdb..")
                                .or(resideInAnyPackage(known.toArray(String[]::new)))))
                        .allowEmptyShould(true)
                        .check(Libraries.written());
            }
            below.addAll(floor);
        }
    }

    @Test
    void everyPackageHasItsFloor() {
        String[] known = FLOORS.stream().flatMap(Set::stream).toArray(String[]::new);
        classes().should().resideInAnyPackage(known).check(Libraries.written());
    }

    @Test
    void packagesHaveNoCycles() {
        slices().matching("io.llmdb.(**)").should().beFreeOfCycles().check(Libraries.written());
    }

    @Test
    void onlyTheOneEntranceKnowsTheSettings() {
        noClasses()
                .that()
                .resideOutsideOfPackages("io.llmdb", "io.llmdb.settings", "io.llmdb.testkit..")
                .should()
                .dependOnClassesThat()
                .resideInAPackage("io.llmdb.settings")
                .check(Libraries.written());
    }

    /** The example, which is not on this class path, is held to it by a test of its own. */
    @Test
    void internalsStayInside() {
        DescribedPredicate<JavaClass> entitled = Libraries.CORE
                .contains()
                .or(Libraries.TESTKIT.contains())
                .or(Libraries.TESTS.contains())
                .as("in core, testkit or our tests");
        noClasses()
                .that(not(entitled))
                .should()
                .dependOnClassesThat()
                .resideInAPackage("io.llmdb.internal..")
                .check(Libraries.everything());
    }

    @Test
    void generatedClassesStayBehindOurRecords() {
        classes()
                .that()
                .resideOutsideOfPackage("io.llmdb.internal..")
                .should(Conditions.showNo(resideInAPackage(Libraries.GENERATED).as("generated class")))
                .check(Libraries.CORE.classes());
    }

    @Test
    void moneyIsExact() {
        classes().should(Conditions.keepMoneyExact()).check(Libraries.written());
    }

    @Test
    void theConditionsFindWhatTheyLookFor() {
        var bad = new ClassFileImporter().importClasses(LeakyRepository.class);

        assertThatThrownBy(() -> classes()
                        .should(Conditions.showNo(resideInAPackage(Libraries.GENERATED)))
                        .check(bad))
                .hasMessageContainingAll("find(", "all(", "ROWS");
        assertThatThrownBy(() -> classes().should(Conditions.keepMoneyExact()).check(bad))
                .hasMessageContainingAll("maxBudget", "totalSpend()", "has floating-point cost");
    }

    @Test
    void timeComesFromAClock() {
        DescribedPredicate<JavaCall<?>> systemTime = describe("system's time of day", call -> {
            String owner = call.getTargetOwner().getName();
            String name = call.getName();
            boolean now = Set.of(
                                    Instant.class,
                                    LocalDate.class,
                                    LocalDateTime.class,
                                    OffsetDateTime.class,
                                    ZonedDateTime.class)
                            .stream()
                            .anyMatch(type -> type.getName().equals(owner))
                    && name.equals("now")
                    && !call.getTarget().getRawParameterTypes().stream()
                            .anyMatch(type -> type.isEquivalentTo(Clock.class));
            boolean clock =
                    owner.equals(Clock.class.getName()) && (name.startsWith("system") || name.startsWith("tick"));
            return now || clock || owner.equals(System.class.getName()) && name.equals("currentTimeMillis");
        });
        noClasses()
                .that()
                .resideOutsideOfPackages(OWN_TIME)
                .should()
                .callMethodWhere(systemTime)
                .check(Libraries.written());
    }

    @Test
    void librariesAreQuietGuests() {
        NO_CLASSES_SHOULD_ACCESS_STANDARD_STREAMS.check(Libraries.written());
        NO_CLASSES_SHOULD_USE_JAVA_UTIL_LOGGING.check(Libraries.written());
        // The main class of the JVMs that the testkit starts ends with the JVM that started it.
        noClasses()
                .that()
                .doNotHaveFullyQualifiedName("io.llmdb.testkit.ChildMain")
                .should()
                .callMethod(System.class, "exit", int.class)
                .orShould()
                .callMethod(Runtime.class, "halt", int.class)
                .orShould()
                .callMethod(Throwable.class, "printStackTrace")
                .check(Libraries.written());
        // What captures a log for a test has to know who writes it.
        noClasses()
                .that()
                .haveNameNotMatching("io\\.llmdb\\.testkit\\.CapturedLog.*")
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("ch.qos.logback..", "org.apache.log4j..", "org.apache.logging..")
                .check(Libraries.written());
    }

    @Test
    void coreDoesNotNeedTestLibraries() {
        noClasses()
                .should()
                .dependOnClassesThat()
                .resideInAnyPackage("org.junit..", "org.assertj..", "io.zonky..", "org.testcontainers..")
                .check(Libraries.CORE.classes());
    }

    /** The testkit may: it shares one server per JVM. */
    @Test
    void nothingStaticChanges() {
        fields().that()
                .areStatic()
                .should()
                .beFinal()
                .check(Libraries.written().that(not(Libraries.TESTKIT.contains())));
    }

    @Test
    void exceptionsHaveOneRoot() {
        classes()
                .that()
                .areAssignableTo(Throwable.class)
                .and()
                .arePublic()
                .should()
                .beAssignableTo(LlmDbException.class)
                .check(Libraries.written().that(not(Libraries.TESTKIT.contains())));
    }

    @Test
    void nullnessIsDeclaredInEveryPackage() {
        Set<JavaPackage> packages =
                Libraries.written().stream().map(JavaClass::getPackage).collect(Collectors.toSet());

        assertThat(packages).isNotEmpty();
        assertThat(packages)
                .filteredOn(one -> !one.isAnnotatedWith(NullMarked.class))
                .extracting(JavaPackage::getName)
                .isEmpty();
    }

    @Test
    void noPackageIsInTwoJars() {
        Map<String, Set<Libraries>> jars = new HashMap<>();
        for (Libraries library : List.of(Libraries.SCHEMA, Libraries.CORE, Libraries.TESTKIT)) {
            library.classes()
                    .forEach(type -> jars.computeIfAbsent(type.getPackageName(), name -> new TreeSet<>())
                            .add(library));
        }

        assertThat(new TreeMap<>(jars))
                .isNotEmpty()
                .allSatisfy((name, in) -> assertThat(in).as(name).hasSize(1));
    }
}
