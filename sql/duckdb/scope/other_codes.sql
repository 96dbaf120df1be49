-- Product codes of well-known other services: their product names say no other thing, so they need
-- not be looked at, which spares reading a wide column for most of a bill.
SELECT unnest([
    'AmazonApiGateway', 'AmazonAthena', 'AmazonCloudFront', 'AmazonCloudWatch', 'AmazonDocDB',
    'AmazonDynamoDB', 'AmazonEC2', 'AmazonECR', 'AmazonECS', 'AmazonEFS', 'AmazonEKS',
    'AmazonElastiCache', 'AmazonES', 'AmazonFSx', 'AmazonGuardDuty', 'AmazonKinesis',
    'AmazonKinesisFirehose', 'AmazonMSK', 'AmazonRDS', 'AmazonRedshift', 'AmazonRoute53',
    'AmazonS3', 'AmazonSES', 'AmazonSNS', 'AmazonStates', 'AmazonVPC', 'AWSBackup',
    'AWSCloudTrail', 'AWSConfig', 'AWSDataTransfer', 'AWSELB', 'AWSEvents', 'AWSGlue', 'AWSLambda',
    'AWSQueueService', 'AWSSecretsManager', 'AWSXRay', 'awskms', 'awswaf', 'ComputeSavingsPlans',
    'ElasticMapReduce'
]) AS code
