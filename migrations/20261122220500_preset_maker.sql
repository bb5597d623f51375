-- Whoever made a preset: their groups hold it where it uses nothing that groups hold.
ALTER TABLE presets ADD COLUMN created_by_id TEXT;
