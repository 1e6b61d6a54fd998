package io.llmdb.testkit;

import io.llmdb.schema.SchemaMigrator;
import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Inherited;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.extension.ExtendWith;

/** Gives the test class what {@link LlmDbExtension} gives, without a field. */
@Documented
@Inherited
@Target(ElementType.TYPE)
@Retention(RetentionPolicy.RUNTIME)
@ExtendWith(LlmDbExtension.class)
public @interface LlmDbTest {

    /** @return the schema's name */
    String schema() default SchemaMigrator.DEFAULT_SCHEMA;

    /** @return whether the methods of the class share one database */
    boolean sharedByClass() default false;

    /** @return whether the {@code LlmDb} is opened through the test's {@link TcpProxy} */
    boolean throughProxy() default false;

    /** @return false for an empty database */
    boolean migrated() default true;
}
