-- A database of schema version 1 with two deliveries, as hookctl made it. Written by
--   sqlite3 deliveries.db .dump
-- with the two PRAGMAs added, which .dump leaves out. It stays as it is when the schema changes.
PRAGMA application_id = 1751868276;
PRAGMA user_version = 1;
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE deliveries (
        seq INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        received_at_ms INTEGER NOT NULL,
        provider TEXT,
        event TEXT,
        event_id TEXT,
        valid INTEGER NOT NULL,
        reason TEXT NOT NULL,
        diagnosis TEXT,
        age_s REAL,
        occurrence INTEGER NOT NULL,
        method TEXT NOT NULL,
        target TEXT NOT NULL,
        http_version TEXT NOT NULL,
        body_bytes INTEGER NOT NULL,
        body_sha256 BLOB,
        response_status INTEGER,
        forwarded_url TEXT,
        forwarded_status INTEGER,
        forwarded_ms REAL,
        forwarded_error TEXT
    );
INSERT INTO deliveries VALUES(1,'dl_01HK153X00R0000001',1704067200000,'arky','order.paid','evt_1',1,'ok',NULL,0.25,1,'POST','/hook?a=b','1.1',3,NULL,200,NULL,NULL,NULL,NULL);
INSERT INTO deliveries VALUES(2,'dl_01HK153X01RHZVS39P',1704067200001,'arky','order.paid','evt_1',0,'mismatch',NULL,NULL,2,'POST','/hook?a=b','1.1',12,NULL,NULL,'http://127.0.0.1:3000/hook',NULL,12.5,'connection refused');
CREATE TABLE contents (
        seq INTEGER PRIMARY KEY REFERENCES deliveries (seq) ON DELETE CASCADE,
        request_headers TEXT NOT NULL,
        request_body BLOB NOT NULL,
        response_headers TEXT,
        response_body BLOB
    );
INSERT INTO contents VALUES(1,'[["X-Name","ÿ"]]',X'00ff27','[["Server","x"]]',X'6f6b');
INSERT INTO contents VALUES(2,'[["X-Name","value"]]',X'7b226e756d626572223a317d',NULL,NULL);
CREATE INDEX deliveries_by_time ON deliveries (received_at_ms);
CREATE INDEX deliveries_by_event ON deliveries (event, received_at_ms) WHERE event IS NOT NULL;
CREATE INDEX deliveries_invalid ON deliveries (received_at_ms) WHERE valid = 0;
CREATE INDEX deliveries_by_event_id ON deliveries (event_id, provider, occurrence) WHERE event_id IS NOT NULL;
CREATE INDEX deliveries_by_body ON deliveries (body_sha256, provider, occurrence) WHERE event_id IS NULL;
COMMIT;
