package io.llmdb.tests.architecture;

import static com.tngtech.archunit.base.DescribedPredicate.describe;
import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;

/** Our published classes, as they lie on the class path: in folders after a short build, in jars after a full one. */
enum Libraries {
    SCHEMA("io.llmdb.schema.SchemaMigrator"),
    CORE("io.llmdb.common.Money"),
    TESTKIT("io.llmdb.testkit.package-info"),
    /** Not published. Some of them stand in packages of the core, to see what is private there. */
    TESTS("io.llmdb.tests.architecture.ArchitectureTest");

    static final String GENERATED = "io.llmdb.schema.jooq..";

    private static final JavaClasses ALL = new ClassFileImporter().importPackages("io.llmdb");

    private final String place;

    /** @param member a class of the library, which tells where it lies */
    Libraries(String member) {
        this.place = member;
    }

    /** All classes of ours on the class path, those of the tests included. */
    static JavaClasses everything() {
        return ALL;
    }

    /** What we wrote and publish: neither tests nor generated classes. */
    static JavaClasses written() {
        return ALL.that(
                SCHEMA.contains().or(CORE.contains()).or(TESTKIT.contains()).and(not(resideInAPackage(GENERATED))));
    }

    JavaClasses classes() {
        return ALL.that(contains());
    }

    DescribedPredicate<JavaClass> contains() {
        String root = root(ALL.get(place));
        return describe("in " + this, type -> root.equals(root(type)));
    }

    private static String root(JavaClass type) {
        String path = type.getName().replace('.', '/') + ".class";
        String source = type.getSource().orElseThrow().getUri().toString();
        if (!source.endsWith(path)) {
            throw new IllegalStateException(type.getName() + " comes from " + source);
        }
        return source.substring(0, source.length() - path.length());
    }
}
