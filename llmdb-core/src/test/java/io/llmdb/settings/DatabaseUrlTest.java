package io.llmdb.settings;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.Map;
import java.util.Properties;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.postgresql.Driver;

/** The forms that people's URLs have. */
class DatabaseUrlTest {

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            nullValues = "-",
            value = {
                "postgresql://me:pw@db:5433/llm | jdbc:postgresql://db:5433/llm | me | pw | ",
                "postgres://me:pw@db/llm | jdbc:postgresql://db/llm | me | pw | ",
                "jdbc:postgresql://db:5433/llm?user=me&password=pw | jdbc:postgresql://db:5433/llm | me | pw | ",
                "jdbc:postgresql://me:pw@db/llm | jdbc:postgresql://db/llm | me | pw | ",
                "jdbc:postgresql://db/llm?user=me&password=p@ss+w%2Brd | jdbc:postgresql://db/llm | me | p@ss w+rd | ",
                "postgresql://db/llm | jdbc:postgresql://db/llm | - | - | ",
                "postgresql://me@db/llm | jdbc:postgresql://db/llm | me | - | ",
                "postgresql://me:@db/llm | jdbc:postgresql://db/llm | me | - | ",
                "postgresql:///llm | jdbc:postgresql://localhost/llm | - | - | ",
                "postgresql://me:p%40ss%2Fw%3Ard%25@db/llm | jdbc:postgresql://db/llm | me | p@ss/w:rd% | ",
                "postgresql://me:a+b@db/llm | jdbc:postgresql://db/llm | me | a+b | ",
                "postgresql://me:p@ss@db/llm | jdbc:postgresql://db/llm | me | p@ss | ",
                "postgresql://me%40corp:p:w@db/my%20db%2B | jdbc:postgresql://db/my%20db%2B | me@corp | p:w | ",
                "postgresql://me:pw@[2001:db8::1]:5433/llm | jdbc:postgresql://[2001:db8::1]:5433/llm | me | pw | ",
                "postgresql://a:5432,b:5433,c/llm?target_session_attrs=read-write"
                        + " | jdbc:postgresql://a:5432,b:5433,c/llm | - | - | targetServerType=primary",
                "postgresql:///llm?host=db&port=5433 | jdbc:postgresql://db:5433/llm | - | - | ",
                // libpq
                "postgresql://db/llm?sslmode=verify-full&sslrootcert=/ca.pem&connect_timeout=5&application_name=my%20proxy"
                        + " | jdbc:postgresql://db/llm | - | - | ApplicationName=my proxy connectTimeout=5 sslmode=verify-full sslrootcert=/ca.pem",
                "postgresql://db/llm?options=-c%20geqo%3Doff&keepalives=1 | jdbc:postgresql://db/llm | - | - | options=-c geqo=off tcpKeepAlive=true",
                // Prisma
                "postgresql://me:pw@db/llm?schema=public&connection_limit=10&pool_timeout=60&pgbouncer=true"
                        + " | jdbc:postgresql://db/llm | me | pw | prepareThreshold=0",
                "postgresql://db/llm?sslmode=require&sslaccept=strict&sslcert=/rds.pem"
                        + " | jdbc:postgresql://db/llm | - | - | sslmode=verify-full sslrootcert=/rds.pem",
                "postgresql://db/llm?sslmode=require&sslaccept=accept_invalid_certs | jdbc:postgresql://db/llm | - | - | sslmode=require",
                // the driver's own
                "jdbc:postgresql://db/llm?ssl=true&tcpKeepAlive=true&reWriteBatchedInserts=true"
                        + " | jdbc:postgresql://db/llm | - | - | reWriteBatchedInserts=true ssl=true tcpKeepAlive=true",
            })
    void forms(
            String url, String jdbcUrl, @Nullable String user, @Nullable String password, @Nullable String properties) {
        DatabaseUrl read = DatabaseUrl.parse(url);

        assertThat(read.jdbcUrl()).isEqualTo(jdbcUrl);
        assertThat(read.user()).isEqualTo(user);
        assertThat(read.password()).isEqualTo(password == null ? null : Secret.of(password));
        String found = read.properties().entrySet().stream()
                .sorted(Map.Entry.comparingByKey())
                .map(property -> property.getKey() + "=" + property.getValue())
                .collect(Collectors.joining(" "));
        assertThat(found).isEqualTo(properties == null ? "" : properties);
    }

    @Test
    void theDriverReadsTheSame() {
        DatabaseUrl url = DatabaseUrl.parse("postgresql://me:pw@db:5433/my%20db%2B1");

        Properties read = Driver.parseURL(url.jdbcUrl(), new Properties());

        assertThat(read).isNotNull();
        assertThat(read.getProperty("PGHOST")).isEqualTo("db");
        assertThat(read.getProperty("PGPORT")).isEqualTo("5433");
        assertThat(read.getProperty("PGDBNAME")).isEqualTo("my db+1");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "mysql://me:hush@db/llm | mysql is not PostgreSQL",
                "sqlite:///tmp/x.db | sqlite is not PostgreSQL",
                "db.example.com:5432/llm | must be like postgresql://user:password@host:5432/database",
                "host=db user=me password=hush | must be like postgresql://",
                "postgresql:/me:hush@db/llm | must be like postgresql://",
                "postgresql://me:hush@db | must name one database",
                "postgresql://me:hush@db/ | must name one database",
                "postgresql://me:hush@db/a/b | must name one database",
                "postgresql://me:hush@db:port/llm | has no usable host and port",
                "postgresql://me:hush@db:70000/llm | has port 70000: must be from 1 to 65535",
                "postgresql://me:hush@db:0/llm | has port 0: must be from 1 to 65535",
                "postgresql://me:hush@d b/llm | has no usable host and port",
                "postgresql://me:hu/sh@db/llm | must be percent-encoded, / as %2F",
                "postgresql://me:12/hush@db | must be percent-encoded, / as %2F",
                "postgresql://me:hu?hush@db/llm | must be percent-encoded",
                "postgresql://me:12?hush@db/llm | must be percent-encoded",
                "postgresql://me:hush%zz@db/llm | has a % in its password that begins no percent-encoding",
                "postgresql://me:hush%00@db/llm | has a zero byte (%00) in its password",
                "postgresql://me:hush@%2Fvar%2Frun/llm | asks for a Unix-domain socket",
                "postgresql://me:hush@/llm?host=/cloudsql/a:b:c | asks for a Unix-domain socket",
                "postgresql://me:hush@db/llm?sslmod=require | has parameter sslmod, which PostgreSQL's JDBC driver does not know; did you mean sslmode?",
                "postgresql://me:hush@db/llm?sslmode=yes | has sslmode yes: must be one of disable, allow, prefer, require, verify-ca",
                "postgresql://me:hush@db/llm?sslaccept=maybe | has sslaccept maybe: must be strict or accept_invalid_certs",
                "postgresql://me:hush@db/llm?pgbouncer=1 | has pgbouncer 1: must be true or false",
                "postgresql://me:hush@db/llm?connect_timeout=soon | has connectTimeout soon: must be a whole number",
                "postgresql://me:hush@db/llm?channel_binding=maybe | has channelBinding maybe: must be one of",
                "postgresql://me:hush@db/llm?target_session_attrs=standby | must be any, read-write or primary, because this library writes",
                "postgresql://me:hush@db/llm?sslmode=require&sslmode=disable | has parameter sslmode twice",
                "postgresql://me:hush@db/llm?verbose | is no name=value",
            })
    void wrongOnesAreToldWithoutTheirPassword(String url, String message) {
        assertThatThrownBy(() -> DatabaseUrl.parse(url))
                .isInstanceOf(InvalidSettingsException.class)
                .hasMessageContaining(message)
                .hasMessageNotContaining("hush");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "postgresql://me:hush@db/llm",
                "postgresql://me:hush/hush@db/llm",
                "postgresql://me:pass@hush@db/llm",
                "postgresql://me:hush",
                "postgresql://me:hush/llm",
                "postgresql://me:hush?x=1",
                "postgresql://db/llm?password=hush&user=me",
                "postgresql://db/llm?PASSWORD=hush",
                "jdbc:postgresql://db/llm?sslpassword=hush",
                "me:hush@db",
                "me:hush",
                "postgresql:me:hush",
                "me:hush\nx",
                "host=db password=hush"
            })
    void nothingThatLooksLikeAUrlShowsItsPassword(String text) {
        assertThat(DatabaseUrlParser.mask(text)).doesNotContain("hush");
    }

    @Test
    void whatIsNoSecretStaysReadable() {
        assertThat(DatabaseUrlParser.mask("postgresql://db:5432/llm?sslmode=x"))
                .isEqualTo("postgresql://db:5432/llm?sslmode=x");
        assertThat(DatabaseUrlParser.mask("mysql://me:hush@db:3306/llm")).isEqualTo("mysql://***@db:3306/llm");
    }

    @Test
    void toStringMasks() {
        assertThat(DatabaseUrl.parse("postgresql://me:hush@db/llm?sslpassword=hush&sslmode=require"))
                .hasToString("jdbc:postgresql://db/llm user=me password=*** sslmode=require sslpassword=***");
    }

    @Test
    void equalByWhatTheySay() {
        String[] same = {"postgresql://me:pw@db/llm", "jdbc:postgresql://db/llm?user=me&password=pw"};
        assertThat(Arrays.stream(same).map(DatabaseUrl::parse).distinct()).hasSize(1);
        assertThat(DatabaseUrl.parse(same[0])).isNotEqualTo(DatabaseUrl.parse("postgresql://me:other@db/llm"));
    }
}
