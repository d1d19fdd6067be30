import type { Deployment } from '../shared/config/parse.ts'
import { ids, keyGroupParameterName } from './names.ts'
import type { Fragment } from './template.ts'

/**
 * The id of the trusted key group, read from SSM when the stack is deployed (`npm run keys -- create` writes it). In `gate`
 * mode no behaviour trusts a key group, so the parameter is not asked for.
 */
export function keyGroupFragment(deployment: Deployment): Fragment {
  if (deployment.config.enforcement === 'gate') return {}
  return {
    Parameters: {
      [ids.keyGroupId]: {
        Type: 'AWS::SSM::Parameter::Value<String>',
        Default: keyGroupParameterName(deployment),
        Description: 'SSM parameter that holds the id of the trusted key group',
      },
    },
  }
}
